#include "cuda/keyed/fill.h"

#include <cuda_runtime_api.h>

#include "cuda/keyed/kernels.h"
#include "cuda/launches.h"
#include "cuda/runtime.h"

namespace fastinit {
namespace {

void queue(const void* kernel, std::uint64_t blocks, unsigned threads, void* argument, void* stream) {
  void* arguments[] = {argument};
  check_cuda(cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(blocks)), dim3(threads), arguments, 0,
                              static_cast<cudaStream_t>(stream)),
             "cudaLaunchKernel");
}

}  // namespace

void fill_keyed_on_cuda(const Request* requests, std::size_t count, const KeyedArrays& arrays, void* tables, int device,
                        void* stream) {
  const CurrentDevice current(device);
  char* at = static_cast<char*>(tables);
  for (const Request* r = requests; r != requests + count; ++r, at += size_of_keyed_tables(1, arrays.count)) {
    if (r->count == 0) continue;
    const Launch launch = launch_of_fills_anywhere(*r, arrays.count, device);
    FillTable table = launch.table_at(at);
    KeyedTable keyed = {const_cast<FillEntry*>(table.entries),
                        const_cast<Request*>(table.requests),
                        launch.entries().front(),
                        launch.entries()[1].first_tile,
                        *r,
                        arrays};
    queue(keyed_kernel(), arrays.count / keyed_threads + 1, keyed_threads, &keyed, stream);
    queue(launch.kernel(), launch.blocks(), launch.threads(), &table, stream);
  }
}

void read_from_cuda(void* host, const void* memory, std::size_t size, int device, void* stream) {
  const CurrentDevice current(device);
  check_cuda(cudaMemcpyAsync(host, memory, size, cudaMemcpyDeviceToHost, static_cast<cudaStream_t>(stream)),
             "cudaMemcpyAsync");
  check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)), "cudaStreamSynchronize");
}

}  // namespace fastinit
