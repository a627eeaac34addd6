#include "cuda/orthogonal/matrices.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <string>
#include <utility>

#include "cuda/orthogonal/plan.h"
#include "cuda/runtime.h"
#include "cuda/staging.h"

namespace fastinit {
namespace {

// Memory of the device that is allocated and freed in the order of a stream.
class StreamMemory {
 public:
  StreamMemory(std::size_t size, cudaStream_t stream) : stream_(stream) {
    if (size == 0) return;
    check_cuda(cudaMallocAsync(&start_, size, stream), "cudaMallocAsync",
               std::to_string(size) + " bytes of working memory for orthogonal matrices");
  }
  ~StreamMemory() {
    if (start_) succeeded(cudaFreeAsync(start_, stream_));
  }
  StreamMemory(const StreamMemory&) = delete;
  StreamMemory& operator=(const StreamMemory&) = delete;
  unsigned char* start() const { return static_cast<unsigned char*>(start_); }

 private:
  const cudaStream_t stream_;
  void* start_ = nullptr;
};

}  // namespace

struct OrthogonalMatrices::Work {
  OrthogonalPlan plan;
  const cudaStream_t stream;
  Staging tables;
  StreamMemory workspace;

  Work(OrthogonalPlan&& all, cudaStream_t queue)
      : plan(std::move(all)), stream(queue), tables(size(), queue), workspace(plan.workspace, queue) {
    char* at = static_cast<char*>(tables.host());
    for (const OrthogonalLaunch& launch : plan.launches) {
      std::memcpy(at, launch.entries.data(), launch.size());
      at += launch.size();
    }
    tables.copy_to_device(size());
  }

  std::size_t size() const {
    std::size_t result = 0;
    for (const OrthogonalLaunch& launch : plan.launches) result += launch.size();
    return result;
  }
};

OrthogonalMatrices::OrthogonalMatrices(const std::vector<const Request*>& requests, int device, void* stream) {
  if (requests.empty()) return;
  OrthogonalPlan plan(requests, device);
  if (!plan.launches.empty()) work_ = std::make_unique<Work>(std::move(plan), static_cast<cudaStream_t>(stream));
}

OrthogonalMatrices::~OrthogonalMatrices() = default;

void OrthogonalMatrices::queue() {
  if (!work_) return;
  const char* at = static_cast<const char*>(work_->tables.device());
  for (const OrthogonalLaunch& launch : work_->plan.launches) {
    OrthogonalTable table = {reinterpret_cast<const OrthogonalEntry*>(at),
                             static_cast<std::uint32_t>(launch.entries.size() - 1), work_->workspace.start()};
    void* arguments[] = {&table};
    check_cuda(cudaLaunchKernel(launch.kernel, dim3(launch.blocks), dim3(launch.threads), arguments,
                                launch.shared_memory, work_->stream),
               "cudaLaunchKernel");
    at += launch.size();
  }
}

}  // namespace fastinit
