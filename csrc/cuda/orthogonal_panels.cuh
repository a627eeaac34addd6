// The kernel that applies all reflectors to a panel of the matrix's columns, and writes those.
#pragma once

#include "cuda/orthogonal_kernels.h"
#include "cuda/orthogonal_matrix.cuh"
#include "cuda/orthogonal_product.cuh"

namespace fastinit {
namespace {

template <class T>
struct PanelsTask {
  static constexpr int rows = rows_at_once<T>, width = panel_columns;

  const OrthogonalEntry& entry;
  const OrthogonalTask task;
  T *const staged, *const staged_a;  // rows of v or S, and of A
  T* const w;                        // W, then Y

  template <int size>
  __device__ void run() const {
    // The last panels take the most work and come first.
    const std::uint64_t panel = entry.last_panel - task.piece, length = entry.rows + rows;
    const T* const memory = reinterpret_cast<const T*>(entry.workspace + task.matrix * entry.workspace_size);
    const OrthogonalWorkspace at = workspace_of<T>(entry);
    T* const a = const_cast<T*>(memory) + at.panels + (panel - entry.first_panel) * length * width;
    begin_panel(panel * width, memory + at.signs, a);
    // A is zero in this panel below the blocks of reflectors behind.
    for (std::uint64_t q = panel * width / size + 1; q-- > 0;) {
      const T* const v = memory + vectors_before(length, size, q);
      apply_block<size>(v, memory + at.triangles + q * size * size, a + q * size * width, entry.rows - q * size);
    }
    const std::uint64_t first = panel * width, left = entry.columns - first;
    write_columns<T, panel_threads, width>(entry, place_of(entry, task.matrix).address, a, width, first,
                                           left < width ? static_cast<std::uint32_t>(left) : width);
  }

 private:
  __device__ void begin_panel(std::uint64_t first, const T* sign, T* a) const {
    for (std::uint64_t k = threadIdx.x; k < (entry.rows + rows) * width; k += panel_threads) {
      const std::uint64_t column = first + k % width;
      a[k] = k / width == column && column < entry.columns ? sign[column] : T(0);
    }
    __syncthreads();
  }

  // A + v Y of the rows from that of the block's first reflector on.
  template <int size>
  __device__ void apply_block(const T* v, const T* triangle, T* a, std::uint64_t count) const {
    constexpr int stride = staged_stride<T, size>;
    constexpr int height = size / 16;  // of what a thread has of W: so many reflectors, and two columns
    const int column = static_cast<int>(threadIdx.x) % 8 * 2, above = static_cast<int>(threadIdx.x) / 8 * height;
    T sum[height][2] = {};
    for (std::uint64_t row = 0; row < count; row += rows) {
      stage<panel_threads, rows, size>(v + row * size, staged);
      stage<panel_threads, rows, width>(a + row * width, staged_a);
      __syncthreads();
      add_products<rows>(staged + above, stride, staged_a + column, staged_stride<T, width>, sum);
      __syncthreads();
    }
    keep<height>(sum, above, column);
    // S times W is such a product as well, of S transposed.
    constexpr int at_once = size < rows ? size : rows;
    T product[height][2] = {};
    for (int row = 0; row < size; row += at_once) {
      stage<panel_threads, at_once, size>(triangle + row * size, staged);
      __syncthreads();
      add_products<at_once>(staged + above, stride, w + row * width + column, width, product);
      __syncthreads();
    }
    keep<height>(product, above, column);
    for (std::uint64_t row = 0; row < count; row += rows) {
      stage<panel_threads, rows, size>(v + row * size, staged);
      __syncthreads();
      update<size>(a + row * width, column);
      __syncthreads();
    }
  }

  template <int height>
  __device__ void keep(const T (&sum)[height][2], int above, int column) const {
    for (int k = 0; k < height; ++k) {
      w[(above + k) * width + column] = sum[k][0];
      w[(above + k) * width + column + 1] = sum[k][1];
    }
    __syncthreads();
  }

  // Every thread has two columns of each sixteenth row.
  template <int size>
  __device__ void update(T* a, int column) const {
    constexpr int stride = staged_stride<T, size>, share = rows / 16, at_once = items_in_16_bytes<T>;
    const int first = static_cast<int>(threadIdx.x) / 8;
    Pack<T, 2> sum[share];
    for (int r = 0; r < share; ++r) sum[r] = read<2>(a + (first + 16 * r) * width + column);
#pragma unroll 2
    for (int k = 0; k < size; k += at_once) {
      Pack<T, at_once> x[share];
      for (int r = 0; r < share; ++r) x[r] = read<at_once>(staged + (first + 16 * r) * stride + k);
      FASTINIT_UNROLL
      for (int j = 0; j < at_once; ++j) {
        const Pack<T, 2> y = read<2>(w + (k + j) * width + column);
        for (int r = 0; r < share; ++r) {
          sum[r].item[0] = Lanes::fma(x[r].item[j], y.item[0], sum[r].item[0]);
          sum[r].item[1] = Lanes::fma(x[r].item[j], y.item[1], sum[r].item[1]);
        }
      }
    }
    for (int r = 0; r < share; ++r) *reinterpret_cast<Pack<T, 2>*>(a + (first + 16 * r) * width + column) = sum[r];
  }
};

// Of threads, that a multiprocessor should have room for.
template <class T>
constexpr int panel_blocks = sizeof(T) == sizeof(float) ? 4 : 3;

template <class T>
__global__ void __launch_bounds__(panel_threads, panel_blocks<T>)
    orthogonal_panels_kernel(const OrthogonalTable table) {
  constexpr int rows = rows_at_once<T>;
  __shared__ __align__(16) T staged[rows * staged_stride<T, largest_orthogonal_block>];
  __shared__ __align__(16) T staged_a[rows * staged_stride<T, panel_columns>];
  __shared__ __align__(16) T w[largest_orthogonal_block * panel_columns];
  for_each_task(table, [&](const OrthogonalEntry& entry, OrthogonalTask task) {
    with_block(entry.columns, PanelsTask<T>{entry, task, staged, staged_a, w});
  });
}

}  // namespace
}  // namespace fastinit
