#include "cuda/keyed/kernels.h"

#include "request/key.h"

namespace fastinit {
namespace {

// Writes the table; each thread has an array.
__global__ void __launch_bounds__(keyed_threads) write_keyed_table(const KeyedTable table) {
  const KeyedArrays& arrays = table.arrays;
  const std::uint64_t array = std::uint64_t{blockIdx.x} * keyed_threads + threadIdx.x;
  if (array > arrays.count) return;
  FillEntry entry = table.entry;
  entry.first_tile = static_cast<std::uint32_t>(array * table.tiles);
  table.entries[array] = entry;  // the last one ends the table
  if (array == arrays.count) return;
  Request request = table.request;
  request.address += array * arrays.bytes;
  set_key(request, arrays.words + array * arrays.words_of_array, arrays.words_of_array);
  move_to(request, arrays.starts, arrays.strides, arrays.axes);
  table.requests[array] = request;
}

}  // namespace

const void* keyed_kernel() { return reinterpret_cast<const void*>(write_keyed_table); }

}  // namespace fastinit
