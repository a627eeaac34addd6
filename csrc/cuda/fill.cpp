#include "cuda/fill.h"

#include <cuda_runtime_api.h>

#include <vector>

#include "cuda/launches.h"
#include "cuda/orthogonal/matrices.h"
#include "cuda/runtime.h"
#include "cuda/staging.h"

namespace fastinit {
namespace {

// The tables of launches in staging memory, one after another.
class Tables {
 public:
  Tables(const Launches& launches, void* stream) : stream_(stream), staging_(size_of(launches), stream) {
    write(launches.fills);
    write(launches.masking);
    staging_.copy_to_device(at_);
  }

  // Queues the launches that come next in the order of the tables.
  void queue(const std::vector<Launch>& launches) {
    for (const Launch& launch : launches) {
      void* arguments[] = {&tables_[next_++]};
      check_cuda(cudaLaunchKernel(launch.kernel(), dim3(launch.blocks()), dim3(launch.threads()), arguments, 0,
                                  static_cast<cudaStream_t>(stream_)),
                 "cudaLaunchKernel");
    }
  }

 private:
  static std::size_t size_of(const Launches& launches) {
    std::size_t size = 0;
    for (const auto* part : {&launches.fills, &launches.masking}) {
      for (const Launch& launch : *part) size += launch.size();
    }
    return size;
  }

  void write(const std::vector<Launch>& launches) {
    for (const Launch& launch : launches) {
      tables_.push_back(
          launch.write(static_cast<char*>(staging_.host()) + at_, static_cast<char*>(staging_.device()) + at_));
      at_ += launch.size();
    }
  }

  void* stream_;
  Staging staging_;
  std::vector<FillTable> tables_;
  std::size_t at_ = 0, next_ = 0;
};

}  // namespace

void fill_on_cuda(const Request* requests, std::size_t count, int device, void* stream) {
  const CurrentDevice current(device);
  const RelaxedCaptureMode relaxed;
  refuse_capture(stream);  // tables are lent to each call, so a replayed graph would read those of another call
  Launches launches(requests, count);
  for (Launch& launch : launches.fills) launch.prepare(device);
  for (Launch& launch : launches.masking) launch.prepare(device);
  OrthogonalMatrices matrices(launches.matrices, device, stream);
  Tables tables(launches, stream);
  tables.queue(launches.fills);
  matrices.queue();
  tables.queue(launches.masking);
}

}  // namespace fastinit
