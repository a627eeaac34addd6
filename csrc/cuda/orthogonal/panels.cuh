// The kernel that applies all reflectors to a panel of the matrix's columns, and writes these columns.
#pragma once

#include "cuda/orthogonal/gemm.cuh"
#include "cuda/orthogonal/kernels.h"
#include "cuda/orthogonal/matrix.cuh"

namespace fastinit {
namespace {

// Applies all blocks of reflectors on which the panel depends, from the last to the first.
template <class T>
struct PanelUpdate {
  static constexpr int rows = rows_at_once<T>, width = panel_columns, pairs = width / 2;

  const OrthogonalEntry& entry;
  const std::uint64_t panel;
  const T* const memory;
  const OrthogonalWorkspace at;
  T* const a;                        // the panel
  T *const staged, *const staged_a;  // rows of v or S, and of A
  T* const w;                        // W, then Y

  template <int size>
  __device__ void run() const {
    // Later blocks of reflectors would multiply rows of A that are still zero in this panel.
    for (std::uint64_t q = panel * width / size + 1; q-- > 0;) {
      const T* const v = memory + vectors_before(entry.shape.rows + rows, size, q);
      apply_block<size>(v, memory + at.triangles + q * size * size, a + q * size * width, entry.shape.rows - q * size);
    }
  }

 private:
  // Computes A + v Y in the rows from the block's first reflector on.
  template <int size>
  __device__ void apply_block(const T* v, const T* triangle, T* a_of_block, std::uint64_t count) const {
    constexpr int stride = staged_stride<T, size>;
    constexpr int height = size / 16;  // a thread computes this number of rows of W, in two columns
    const int column = static_cast<int>(threadIdx.x) % pairs * 2,
              above = static_cast<int>(threadIdx.x) / pairs * height;
    T sum[height][2] = {};
    std::uint64_t row = 0;
    do {
      stage<panel_threads, rows, size>(v + row * size, staged);
      stage<panel_threads, rows, width>(a_of_block + row * width, staged_a);
      __syncthreads();
      add_products<rows>(staged + above, stride, staged_a + column, staged_stride<T, width>, sum);
      __syncthreads();
    } while ((row += rows) < count);
    keep<height>(sum, above, column);
    // S times W is such a product too, of S transposed.
    constexpr int at_once = size < rows ? size : rows;
    T product[height][2] = {};
    for (int l = 0; l < size; l += at_once) {
      stage<panel_threads, at_once, size>(triangle + l * size, staged);
      __syncthreads();
      add_products<at_once>(staged + above, stride, w + l * width + column, width, product);
      __syncthreads();
    }
    keep<height>(product, above, column);
    row = 0;
    do {
      stage<panel_threads, rows, size>(v + row * size, staged);
      __syncthreads();
      update<size>(a_of_block + row * width, column);
      __syncthreads();
    } while ((row += rows) < count);
  }

  template <int height>
  __device__ void keep(const T (&sum)[height][2], int above, int column) const {
    for (int k = 0; k < height; ++k) {
      w[(above + k) * width + column] = sum[k][0];
      w[(above + k) * width + column + 1] = sum[k][1];
    }
    __syncthreads();
  }

  // Each thread has two columns of every sixteenth row.
  template <int size>
  __device__ void update(T* rows_of_a, int column) const {
    constexpr int stride = staged_stride<T, size>, share = rows / 16, at_once = items_in_16_bytes<T>;
    const int first = static_cast<int>(threadIdx.x) / pairs;
    Pack<T, 2> sum[share];
    for (int r = 0; r < share; ++r) sum[r] = read<2>(rows_of_a + (first + 16 * r) * width + column);
    FASTINIT_UNROLL_BY(2)
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
    for (int r = 0; r < share; ++r)
      *reinterpret_cast<Pack<T, 2>*>(rows_of_a + (first + 16 * r) * width + column) = sum[r];
  }
};

// Sets A before any reflector is applied, with rows of zeros below.
template <class T>
__device__ void begin_panel(const OrthogonalEntry& entry, std::uint64_t panel, const T* sign, T* a) {
  const std::uint64_t first = panel * panel_columns, all = (entry.shape.rows + rows_at_once<T>)*panel_columns;
  FASTINIT_ROLLED
  for (std::uint64_t k = threadIdx.x; k < all; k += panel_threads) {
    const std::uint64_t column = first + k % panel_columns;
    a[k] = k / panel_columns == column && column < entry.shape.columns ? sign[column] : T(0);
  }
  __syncthreads();
}

template <class T>
__global__ void __launch_bounds__(panel_threads, panel_blocks<T>)
    orthogonal_panels_kernel(const OrthogonalTable table) {
  constexpr int rows = rows_at_once<T>;
  __shared__ __align__(16) T staged[rows * staged_stride<T, largest_orthogonal_block>];
  __shared__ __align__(16) T staged_a[rows * staged_stride<T, panel_columns>];
  __shared__ __align__(16) T w[largest_orthogonal_block * panel_columns];
  for_each_task(table, [&](const OrthogonalEntry& entry, OrthogonalTask task) {
    const std::uint64_t panel = entry.last_panel - task.piece;  // the last panels take the most work and come first
    T* const memory = working_memory<T>(table, entry, task);
    const OrthogonalWorkspace at = workspace_of<T>(entry);
    T* const a = memory + at.panels + (panel - entry.first_panel) * (entry.shape.rows + rows) * panel_columns;
    begin_panel(entry, panel, memory + at.signs, a);
    with_block(entry.shape.columns, PanelUpdate<T>{entry, panel, memory, at, a, staged, staged_a, w});
    const std::uint64_t first = panel * panel_columns, left = entry.shape.columns - first;
    write_columns<T, panel_threads, panel_columns>(entry, start_of(entry, task.matrix).address, a, panel_columns, first,
                                                   left < panel_columns ? std::uint32_t(left) : panel_columns);
  });
}

}  // namespace
}  // namespace fastinit
