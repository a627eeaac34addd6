#include "cuda/keyed/kernels.h"

#include "lanes/inline.h"

namespace fastinit {
namespace {

__device__ std::uint64_t joined(const std::uint32_t* words) { return std::uint64_t{words[0]} << 32 | words[1]; }

// Writes the table; each thread has an array.
__global__ void __launch_bounds__(keyed_threads) write_keyed_table(const KeyedTable table) {
  const KeyedArrays& arrays = table.arrays;
  const std::uint64_t array = std::uint64_t{blockIdx.x} * keyed_threads + threadIdx.x;
  if (array > arrays.count) return;
  FillEntry entry = table.entry;
  entry.first_tile = static_cast<std::uint32_t>(array * table.tiles);
  table.entries[array] = entry;  // the last one ends the table
  if (array == arrays.count) return;
  const std::uint32_t* const words = arrays.words + array * arrays.words_of_array;
  Request request = table.request;
  request.address += array * arrays.bytes;
  request.seed = joined(words);
  request.stream = arrays.words_of_array == 4 ? joined(words + 2) : 0;
  FASTINIT_ROLLED
  for (std::uint32_t axis = 0; axis < arrays.axes; ++axis)
    request.offset += std::uint64_t(arrays.starts[axis]) * std::uint64_t(arrays.strides[axis]);
  table.requests[array] = request;
}

}  // namespace

const void* keyed_kernel() { return reinterpret_cast<const void*>(write_keyed_table); }

}  // namespace fastinit
