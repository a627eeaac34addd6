#include "cuda/staging.h"

#include <cuda_runtime_api.h>

#include <deque>
#include <mutex>

#include "cuda/runtime.h"

namespace fastinit {

struct Staging::Buffers {
  int device = 0;
  std::size_t capacity = 0;
  void* host_memory = nullptr;
  void* device_memory = nullptr;
  cudaEvent_t passed = nullptr;  // recorded after the last work that used the buffers
  bool taken = false;

  Buffers(int number, std::size_t size) : device(number), capacity(size) {
    try {
      check_cuda(cudaHostAlloc(&host_memory, size, cudaHostAllocDefault), "cudaHostAlloc");
      check_cuda(cudaMalloc(&device_memory, size), "cudaMalloc");
      check_cuda(cudaEventCreateWithFlags(&passed, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    } catch (...) {
      if (device_memory) cudaFree(device_memory);
      if (host_memory) cudaFreeHost(host_memory);
      throw;
    }
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  bool is_free() const {
    if (taken) return false;
    const cudaError_t found = cudaEventQuery(passed);
    if (found != cudaErrorNotReady) check_cuda(found, "cudaEventQuery");
    return succeeded(found);
  }
};

namespace {

constexpr std::size_t smallest_capacity = 64 << 10;

std::mutex pool_mutex;

// Never destroyed, since the driver may be unloaded before it at the end of the process.
std::deque<Staging::Buffers>& pool() {
  static auto* const buffers = new std::deque<Staging::Buffers>;
  return *buffers;
}

}  // namespace

Staging::Staging(std::size_t size, void* stream) : buffers_(nullptr), stream_(stream) {
  const int device = current_device();
  const std::lock_guard<std::mutex> lock(pool_mutex);
  for (Buffers& each : pool()) {
    if (each.device == device && each.capacity >= size && each.is_free()) {
      buffers_ = &each;
      break;
    }
  }
  if (!buffers_) {
    std::size_t capacity = smallest_capacity;
    while (capacity < size) capacity *= 2;
    buffers_ = &pool().emplace_back(device, capacity);
  }
  buffers_->taken = true;
}

Staging::~Staging() {
  // This fails only if the device has failed, which later calls report. Nobody knows then when the buffers are free.
  if (!succeeded(cudaEventRecord(buffers_->passed, static_cast<cudaStream_t>(stream_)))) return;
  const std::lock_guard<std::mutex> lock(pool_mutex);
  buffers_->taken = false;
}

void* Staging::host() const { return buffers_->host_memory; }

void* Staging::device() const { return buffers_->device_memory; }

void Staging::copy_to_device(std::size_t size) {
  check_cuda(cudaMemcpyAsync(device(), host(), size, cudaMemcpyHostToDevice, static_cast<cudaStream_t>(stream_)),
             "cudaMemcpyAsync");
}

}  // namespace fastinit
