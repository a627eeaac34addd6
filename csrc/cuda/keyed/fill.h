// Fills by keys that only the GPU has, such as those that a compiled program has computed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/table.h"
#include "request/request.h"

namespace fastinit {

constexpr std::uint32_t most_axes = 64;  // as in NumPy

// Arrays of one shape, one after another in memory, each of which has a key and is drawn by the same requests.
struct KeyedArrays {
  std::uint64_t count;
  std::uint64_t bytes;           // of each
  const std::uint32_t* words;    // in memory of the GPU: of each array, from the most significant on
  std::uint32_t words_of_array;  // 2, its seed, or 4, its seed and its stream
  std::uint32_t axes;
  const std::int32_t* starts;       // in memory of the GPU: where the part begins, on every axis
  std::int64_t strides[most_axes];  // of the whole array, in elements
};

// Returns how many bytes of memory the tables of this many requests and arrays need.
constexpr std::size_t size_of_keyed_tables(std::size_t requests, std::size_t arrays) {
  return requests * ((arrays + 1) * sizeof(FillEntry) + arrays * sizeof(Request));
}

// Queues the requests, all of them fills, on a stream (a cudaStream_t) of a device, and returns. They have the
// addresses in the first array, and the places in a part that begins at index 0 of every axis. `tables` is memory of
// the GPU, aligned to 8 bytes, until the work is done. Nothing is allocated or copied from the host, so the stream may
// be captured into a graph. Throws CudaFailure.
void fill_keyed_on_cuda(const Request* requests, std::size_t count, const KeyedArrays& arrays, void* tables, int device,
                        void* stream);

// Copies memory of a device to the host, after the work that is queued on a stream. Throws CudaFailure.
void read_from_cuda(void* host, const void* memory, std::size_t size, int device, void* stream);

}  // namespace fastinit
