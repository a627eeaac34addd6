// The kernel for matrices that fit into shared memory: a block of threads draws a whole matrix.
#pragma once

#include "cuda/orthogonal/kernels.h"
#include "cuda/orthogonal/matrix.cuh"

namespace fastinit {
namespace {

template <class T>
class SmallMatrix {
  static constexpr std::uint32_t block = small_block;

 public:
  __device__ SmallMatrix(const OrthogonalEntry& entry, std::uint64_t matrix, T* memory)
      : entry_(entry),
        start_(start_of(entry, matrix)),
        rows_(static_cast<std::uint32_t>(entry.shape.rows)),
        columns_(static_cast<std::uint32_t>(entry.shape.columns)),
        stride_(static_cast<std::uint32_t>(small_stride(entry.shape.columns))),
        v_(memory),
        w_(v_ + rows_ * block),
        products_(w_ + columns_ * block),
        triangle_(products_ + block * block),
        a_(triangle_ + block * block) {}

  __device__ void draw() const {
    FASTINIT_ROLLED
    for (std::uint32_t k = threadIdx.x; k < rows_ * stride_; k += small_threads) a_[k] = 0;
    const std::uint32_t panels = static_cast<std::uint32_t>(entry_.last_panel) + 1, width = panel_columns;
    for (std::uint32_t q = (panels - 1) / (block / width) + 1; q-- > 0;) apply_block(q * block);
    const std::uint32_t first = static_cast<std::uint32_t>(entry_.first_panel) * width;
    const std::uint32_t end = panels * width < columns_ ? panels * width : columns_;
    write_columns<T, small_threads, largest_small_columns>(entry_, start_.address, a_ + first, stride_, first,
                                                           end - first);
  }

 private:
  // Every step ends with a barrier.
  __device__ void apply_block(std::uint32_t begin) const {
    __shared__ T head[block], tau[block], sign[block];
    const std::uint32_t rows = rows_ - begin, columns = columns_ - begin;
    const ReflectorBlock<T> reflectors = {entry_, start_.first, begin, block, columns < block ? columns : block,
                                          rows,   v_,           head,  tau};
    reflectors.draw();
    __syncthreads();
    reflectors.reflect(sign);
    __syncthreads();
    if (threadIdx.x < reflectors.columns) a_[(begin + threadIdx.x) * (stride_ + 1)] = sign[threadIdx.x];
    multiply_vectors(rows);
    __syncthreads();
    reflectors.solve(products_, triangle_);
    multiply_matrix(begin, rows, columns);
    __syncthreads();
    update_matrix(begin, rows, columns);
    __syncthreads();
  }

  // Computes U. A thread takes two of its numbers, one below the other.
  __device__ void multiply_vectors(std::uint32_t rows) const {
    constexpr std::uint32_t half = block / 2;
    static_assert(small_threads == half * block);
    const T *left = v_ + threadIdx.x / block, *right = v_ + threadIdx.x % block;
    T upper = 0, lower = 0;
    std::uint32_t row = 0;
    do {
      upper = Lanes::fma(left[row * block], right[row * block], upper);
      lower = Lanes::fma(left[row * block + half], right[row * block], lower);
    } while (++row < rows);
    products_[threadIdx.x] = upper;
    products_[threadIdx.x + small_threads] = lower;
  }

  // Computes W, for the columns from `begin` on. A thread takes one column and half of the block's reflectors.
  __device__ void multiply_matrix(std::uint32_t begin, std::uint32_t rows, std::uint32_t columns) const {
    constexpr std::uint32_t share = block / 2;
    for (std::uint32_t k = threadIdx.x; k < 2 * columns; k += small_threads) {
      const std::uint32_t half = k >= columns, column = k - half * columns;
      const T *a = a_ + begin * (stride_ + 1) + column, *v = v_ + half * share;
      T sum[share] = {};
      std::uint32_t row = 0;
      do {
        const T x = a[row * stride_];
        FASTINIT_UNROLL
        for (std::uint32_t j = 0; j < share; ++j) sum[j] = Lanes::fma(v[row * block + j], x, sum[j]);
      } while (++row < rows);
      FASTINIT_UNROLL
      for (std::uint32_t j = 0; j < share; ++j) w_[(half * share + j) * columns_ + column] = sum[j];
    }
  }

  // Computes Y, and adds v Y to A. A thread takes one column; the threads of a column share its rows.
  __device__ void update_matrix(std::uint32_t begin, std::uint32_t rows, std::uint32_t columns) const {
    const std::uint32_t sharing = small_threads / columns, column = threadIdx.x % columns;
    if (threadIdx.x >= sharing * columns) return;
    T y[block];
    FASTINIT_UNROLL
    for (std::uint32_t k = 0; k < block; ++k) y[k] = 0;
    FASTINIT_UNROLL
    for (std::uint32_t l = 0; l < block; ++l) {
      const T w = w_[l * columns_ + column];
      FASTINIT_UNROLL
      for (std::uint32_t k = 0; k <= l; ++k) y[k] = Lanes::fma(triangle_[l * block + k], w, y[k]);
    }
    T* const a = a_ + begin * (stride_ + 1) + column;
    for (std::uint32_t row = threadIdx.x / columns; row < rows; row += sharing) {
      T sum = a[row * stride_];
      FASTINIT_UNROLL
      for (std::uint32_t k = 0; k < block; ++k) sum = Lanes::fma(v_[row * block + k], y[k], sum);
      a[row * stride_] = sum;
    }
  }

  const OrthogonalEntry& entry_;
  const MatrixStart start_;
  const std::uint32_t rows_, columns_, stride_;
  T *const v_, *const w_, *const products_, *const triangle_, *const a_;
};

template <class T>
__global__ void __launch_bounds__(small_threads, small_blocks<T>) small_orthogonal_kernel(const OrthogonalTable table) {
  extern __shared__ __align__(16) unsigned char memory[];
  for_each_task(table, [&](const OrthogonalEntry& entry, OrthogonalTask task) {
    SmallMatrix<T>(entry, task.matrix, reinterpret_cast<T*>(memory)).draw();
  });
}

}  // namespace
}  // namespace fastinit
