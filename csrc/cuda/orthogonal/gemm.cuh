// Matrix products whose operands are staged in shared memory, some rows at a time.
#pragma once

#include "cuda/fill/groups.cuh"
#include "cuda/orthogonal/table.h"

namespace fastinit {
namespace {

// Elements that are read at once, at most 16 bytes.
template <class T, int n>
struct alignas(sizeof(T) * n < 16 ? sizeof(T) * n : 16) Pack {
  T item[n];
};

template <int n, class T>
__device__ Pack<T, n> read(const T* from) {
  return *reinterpret_cast<const Pack<T, n>*>(from);
}

template <class T>
constexpr int items_in_16_bytes = 16 / sizeof(T);

// The distance in shared memory of rows with `columns` elements, such that threads of a warp that read successive rows
// do not compete for banks.
template <class T, int columns>
constexpr int staged_stride = columns + items_in_16_bytes<T>;

// Copies rows that follow each other in global memory, with several reads in flight.
template <int threads, int rows, int columns, class T>
__device__ void stage(const T* from, T* to) {
  constexpr int at_once = items_in_16_bytes<T>, in_row = columns / at_once, all = rows * in_row;
  constexpr int rounds = (all + threads - 1) / threads, reads = rounds < 4 ? rounds : 4;
  static_assert(rounds % reads == 0);
  FASTINIT_ROLLED
  for (int round = 0; round < rounds; round += reads) {
    Pack<T, at_once> items[reads];
    FASTINIT_UNROLL
    for (int r = 0; r < reads; ++r) {
      const int k = (round + r) * threads + static_cast<int>(threadIdx.x);
      if (all % threads == 0 || k < all) items[r] = read<at_once>(from + k * at_once);
    }
    FASTINIT_UNROLL
    for (int r = 0; r < reads; ++r) {
      const int k = (round + r) * threads + static_cast<int>(threadIdx.x);
      T* const place = to + k / in_row * staged_stride<T, columns> + k % in_row * at_once;
      if (all % threads == 0 || k < all) *reinterpret_cast<Pack<T, at_once>*>(place) = items[r];
    }
  }
}

// Adds left[i][a] right[i][b] to sum[a][b], in rising order of the row i.
template <int rows, int height, int width, class T>
__device__ void add_products(const T* left, int left_stride, const T* right, int right_stride,
                             T (&sum)[height][width]) {
  FASTINIT_UNROLL_BY(items_in_16_bytes<T>)
  for (int i = 0; i < rows; ++i) {
    const Pack<T, height> x = read<height>(left + i * left_stride);
    const Pack<T, width> y = read<width>(right + i * right_stride);
    FASTINIT_UNROLL
    for (int a = 0; a < height; ++a) {
      FASTINIT_UNROLL
      for (int b = 0; b < width; ++b) sum[a][b] = Lanes::fma(x.item[a], y.item[b], sum[a][b]);
    }
  }
}

// Calls run.run<size>() with the size of the matrix's blocks of reflectors.
template <class Run>
__device__ void with_block(std::uint64_t columns, const Run& run) {
  switch (orthogonal_block(columns)) {
    case 16:
      return run.template run<16>();
    case 32:
      return run.template run<32>();
    case 64:
      return run.template run<64>();
    default:
      return run.template run<128>();
  }
}

}  // namespace
}  // namespace fastinit
