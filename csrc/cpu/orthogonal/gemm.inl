// Matrix products in registers, for any lane type. Each output is one chain of fma over k in rising order, so its bits
// do not depend on tiles, on the lane type, or on how often the chain is stored to memory in between.
//
// C += A B, with A broadcast element by element and B in rows of whole vectors. Nothing is packed: the rows of A, 8 to
// 128 elements long, lie close together, and B comes in slabs, strips of columns as wide as a tile whose rows follow
// each other. On Zen 5 a tile of 8 x 32 floats (AVX-512) or 4 x 24 (AVX2) is within 3 % of the peak for 32 or more k.
#pragma once

#include <cstddef>

#include "lanes/inline.h"

namespace fastinit {
namespace {

// Vectors of T.
template <class L, class T>
struct Vectors;

template <class L>
struct Vectors<L, float> {
  using V = typename L::F32;
  static constexpr int width = L::width;
  FASTINIT_INLINE V all(float x) { return L::f32(x); }
};

template <class L>
struct Vectors<L, double> {
  using V = typename L::F64;
  static constexpr int width = L::width64;
  FASTINIT_INLINE V all(double x) { return L::f64(x); }
};

// The layout of A: element (row, k) is at a[row + k stride] where columns are contiguous, else at a[row stride + k].
enum class Contiguous { columns, rows };

// L::tile_rows rows and `vectors` vectors of C.
template <class L, class T, Contiguous contiguous, int vectors>
FASTINIT_INLINE void gemm_microkernel(const T* a, std::ptrdiff_t a_stride, const T* b, std::ptrdiff_t b_stride, T* c,
                                      std::ptrdiff_t c_stride, std::ptrdiff_t count) {
  using Vs = Vectors<L, T>;
  using V = typename Vs::V;
  constexpr int rows = L::tile_rows, width = Vs::width;
  const std::ptrdiff_t step = contiguous == Contiguous::columns ? a_stride : 1;
  const std::ptrdiff_t next_row = contiguous == Contiguous::columns ? 1 : a_stride;
  V sum[rows][vectors];
  FASTINIT_UNROLL
  for (int i = 0; i < rows; ++i) {
    FASTINIT_UNROLL
    for (int v = 0; v < vectors; ++v) sum[i][v] = L::load(c + i * c_stride + v * width);
  }
  for (std::ptrdiff_t k = 0; k < count; ++k, a += step, b += b_stride) {
    V row[vectors];
    FASTINIT_UNROLL
    for (int v = 0; v < vectors; ++v) row[v] = L::load(b + v * width);
    FASTINIT_UNROLL
    for (int i = 0; i < rows; ++i) {
      const V factor = Vs::all(a[i * next_row]);
      FASTINIT_UNROLL
      for (int v = 0; v < vectors; ++v) sum[i][v] = L::fma(factor, row[v], sum[i][v]);
    }
  }
  FASTINIT_UNROLL
  for (int i = 0; i < rows; ++i) {
    FASTINIT_UNROLL
    for (int v = 0; v < vectors; ++v) L::store(c + i * c_stride + v * width, sum[i][v]);
  }
}

// The first element, and the distance between rows, or between columns where those are contiguous.
template <class T>
struct Panel {
  T* first;
  std::ptrdiff_t stride;
};

// `rows` rows of C, a multiple of L::tile_rows, and `vectors` vectors, at most L::tile_vectors.
template <class L, class T, Contiguous contiguous, int vectors = L::tile_vectors>
void gemm(Panel<const T> a, Panel<const T> b, Panel<T> c, std::ptrdiff_t rows, int width, std::ptrdiff_t count) {
  if constexpr (vectors > 1) {
    if (width < vectors) return gemm<L, T, contiguous, vectors - 1>(a, b, c, rows, width, count);
  }
  const std::ptrdiff_t next_row = contiguous == Contiguous::columns ? 1 : a.stride;
  for (std::ptrdiff_t i = 0; i < rows; i += L::tile_rows) {
    gemm_microkernel<L, T, contiguous, vectors>(a.first + i * next_row, a.stride, b.first, b.stride,
                                                c.first + i * c.stride, c.stride, count);
  }
}

}  // namespace
}  // namespace fastinit
