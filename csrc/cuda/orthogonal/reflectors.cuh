// The kernel that draws reflectors into working memory: a block of threads takes one block of reflectors.
#pragma once

#include "cuda/orthogonal/gemm.cuh"
#include "cuda/orthogonal/kernels.h"
#include "cuda/orthogonal/matrix.cuh"

namespace fastinit {
namespace {

// Computes U of a block. Each thread has a square of it.
template <class T>
struct VectorProducts {
  const T* v;
  const std::uint64_t rows;
  T *const products, *const staged;

  template <int size>
  __device__ void run() const {
    constexpr int side = size / 16, stride = staged_stride<T, size>;
    const int above = static_cast<int>(threadIdx.x) / 16 * side, left = static_cast<int>(threadIdx.x) % 16 * side;
    T sum[side][side] = {};
    std::uint64_t row = 0;
    do {
      stage<reflector_threads, rows_at_once<T>, size>(v + row * size, staged);
      __syncthreads();
      add_products<rows_at_once<T>>(staged + above, stride, staged + left, stride, sum);
      __syncthreads();
    } while ((row += rows_at_once<T>) < rows);
    FASTINIT_UNROLL
    for (int a = 0; a < side; ++a) {
      FASTINIT_UNROLL
      for (int b = 0; b < side; ++b) products[(above + a) * size + left + b] = sum[a][b];
    }
  }
};

template <class T>
__device__ void make_reflectors(const OrthogonalEntry& entry, OrthogonalTask task, T* memory, T* staged, T* head,
                                T* tau) {
  const std::uint64_t size = std::uint64_t(orthogonal_block(entry.shape.columns));
  const std::uint64_t q = task.piece, begin = q * size, length = entry.shape.rows + rows_at_once<T>;
  const OrthogonalWorkspace at = workspace_of<T>(entry);
  const std::uint64_t columns = entry.shape.columns - begin;
  const ReflectorBlock<T> block = {entry,
                                   start_of(entry, task.matrix).first,
                                   begin,
                                   static_cast<std::uint32_t>(size),
                                   static_cast<std::uint32_t>(columns < size ? columns : size),
                                   length - begin,
                                   memory + vectors_before(length, size, q),
                                   head,
                                   tau};
  block.draw();
  __syncthreads();
  block.reflect(memory + at.signs + begin);
  __syncthreads();
  T* const products = memory + at.products + q * size * size;
  with_block(entry.shape.columns, VectorProducts<T>{block.v, entry.shape.rows - begin, products, staged});
  __syncthreads();
  block.solve(products, memory + at.triangles + q * size * size);
}

template <class T>
__global__ void __launch_bounds__(reflector_threads, 1)  // otherwise ptxas spills registers to fit two blocks
    orthogonal_reflectors_kernel(const OrthogonalTable table) {
  __shared__ __align__(16) T staged[rows_at_once<T> * staged_stride<T, largest_orthogonal_block>];
  __shared__ T head[largest_orthogonal_block], tau[largest_orthogonal_block];
  for_each_task(table, [&](const OrthogonalEntry& entry, OrthogonalTask task) {
    make_reflectors(entry, task, working_memory<T>(table, entry, task), staged, head, tau);
  });
}

}  // namespace
}  // namespace fastinit
