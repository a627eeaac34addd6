// What all kernels for orthogonal matrices share: finding a task, drawing reflectors, and writing elements. Every sum
// has the order of numerics/orthogonal.h.
#pragma once

#include "cuda/fill/groups.cuh"
#include "cuda/orthogonal/table.h"
#include "cuda/search.cuh"
#include "cuda/stores.cuh"
#include "numerics/distributions.h"

namespace fastinit {
namespace {

// ---- tasks

struct OrthogonalTask {
  std::uint64_t matrix;  // index in the entry
  std::uint64_t piece;   // index in the matrix
};

__device__ OrthogonalTask task_of(const OrthogonalEntry& e, std::uint64_t task) {
  const std::uint64_t matrix = (task - e.first_task) / e.tasks;
  return {matrix, task - e.first_task - matrix * e.tasks};
}

// Calls run(entry, task) for the tasks of this block of threads.
template <class Run>
__device__ void for_each_task(const OrthogonalTable& table, const Run& run) {
  const std::uint64_t tasks = table.entries[table.count].first_task;
  std::uint32_t index = 0;
  for (std::uint64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    index = find_entry<&OrthogonalEntry::first_task>(table.entries, table.count, index, task);
    run(table.entries[index], task_of(table.entries[index], task));
    __syncthreads();
  }
}

template <class T>
__device__ T* working_memory(const OrthogonalTable& table, const OrthogonalEntry& e, OrthogonalTask task) {
  return reinterpret_cast<T*>(table.workspace + e.workspace + task.matrix * e.workspace_size);
}

// ---- places

struct MatrixStart {
  std::uint64_t first;    // index of the matrix's first element in the stream
  std::uint64_t address;  // of the matrix's first element in the part
};

__device__ MatrixStart start_of(const OrthogonalEntry& e, std::uint64_t matrix) {
  const MatrixPlace place = matrix_place(e.request, e.shape, e.first_matrix + matrix);
  return {place.number * e.shape.rows * e.shape.columns, e.request.address + place.offset * e.request.item_size};
}

// ---- reflectors

__device__ void draw_normals(Stream stream, std::uint64_t block, float (&value)[4]) {
  std::uint64_t word[1][4];
  philox<Lanes, 1>(stream, block | purpose_values, 0, word);
  const Normal<Precision32<Lanes>> draw(1, 0);
  for (int j = 0; j < 4; j += 2)
    draw(static_cast<std::uint32_t>(word[0][j]), static_cast<std::uint32_t>(word[0][j + 1]), value[j], value[j + 1]);
}

__device__ void draw_normals(Stream stream, std::uint64_t block, double (&value)[4]) {
  std::uint64_t word[4];
  draw_words64(stream, block, word);
  const Normal<Precision64<Lanes>> draw(1, 0);
  for (int j = 0; j < 4; j += 2) draw(word[j], word[j + 1], value[j], value[j + 1]);
}

// A block of reflectors while a block of threads builds it.
template <class T>
struct ReflectorBlock {
  const OrthogonalEntry& entry;
  std::uint64_t first;    // index of the matrix's first element in the stream
  std::uint64_t begin;    // first column, and row, of the block
  std::uint32_t size;     // columns in memory
  std::uint32_t columns;  // those that the matrix has; zeros follow
  std::uint64_t rows;     // from the first on, including rows of zeros
  T* v;                   // by rows
  T* head;
  T* tau;

  // Draws v, with zeros above and on the diagonal; the heads are stored apart.
  __device__ void draw() const {
    const std::uint64_t above = first + begin * entry.shape.columns + begin;
    const bool is_aligned = above % 4 == 0 && entry.shape.columns % 4 == 0;
    const std::uint32_t units = size / 4 + !is_aligned;  // Philox blocks that a row touches
    const Stream stream = {entry.request.seed, entry.request.stream};
    const std::uint64_t nonzero = entry.shape.rows - begin;
    for (std::uint64_t k = threadIdx.x; k < rows * units; k += blockDim.x) {
      const std::uint64_t row = k / units;
      const std::uint32_t unit = static_cast<std::uint32_t>(k - row * units);
      const std::uint64_t flat = above + row * entry.shape.columns;
      const std::int32_t at = static_cast<std::int32_t>(4 * unit) - static_cast<std::int32_t>(flat % 4);
      const std::uint64_t end = row >= nonzero ? 0 : row < columns ? row + 1 : columns;
      T value[4] = {};
      if (at < static_cast<std::int64_t>(end)) draw_normals(stream, flat / 4 + unit, value);
      FASTINIT_UNROLL
      for (std::int32_t j = 0; j < 4; ++j) {
        const std::int32_t column = at + j;
        if (column < 0 || column >= static_cast<std::int32_t>(size)) continue;
        const bool is_head = static_cast<std::uint64_t>(column) == row;
        if (is_head) head[column] = value[j];
        v[row * size + column] = is_head || column >= static_cast<std::int64_t>(end) ? T(0) : value[j];
      }
    }
  }

  // Computes the heads, and D, from the lengths of the columns below them.
  __device__ void reflect(T* sign) const {
    const std::uint32_t column = threadIdx.x;
    if (column >= columns) return;
    double tail = 0;
    FASTINIT_UNROLL_BY(8)
    for (std::uint64_t row = column + 1; row < entry.shape.rows - begin; ++row) {
      const double x = v[row * size + column];
      tail = Lanes::fma(x, x, tail);
    }
    const Reflector<T> found = reflector<Lanes, T>(head[column], tail);
    v[column * size + column] = found.head;
    tau[column] = found.tau;
    sign[column] = found.sign;
  }

  // Computes S, transposed, from U. Each thread has a row of S.
  __device__ void solve(const T* products, T* triangle) const {
    const std::uint32_t row = threadIdx.x;
    if (row >= size) return;
    for (std::uint32_t l = 0; l < size; ++l) {
      T sum = row == l ? T(1) : T(0);
      for (std::uint32_t m = row; m < l && l < columns; ++m)
        sum = Lanes::fma(triangle[m * size + row], products[m * size + l], sum);
      triangle[l * size + row] = l < columns && row <= l ? sum * -tau[l] : T(0);
    }
  }
};

// ---- elements

template <class Element, class T>
__device__ void store_as(std::uint64_t address, T value) {
  if constexpr (holds_matrices<Element> && Element::in_float64 == (sizeof(T) == sizeof(double))) {
    Lanes::store(address, Element::template encode<Lanes>(value));
  }
}

template <class T>
__device__ void store_element(std::uint64_t address, Dtype dtype, T value) {
  switch (dtype) {
#define FASTINIT_ROW(name, Element) \
  case Dtype::name:                 \
    return store_as<Element>(address, value);
    FASTINIT_DTYPES(FASTINIT_ROW)
#undef FASTINIT_ROW
  }
}

// Writes all rows of some columns, times the gain. `values` holds them in rows `stride` apart.
template <class T, int threads, int most_columns>
__device__ void write_columns(const OrthogonalEntry& e, std::uint64_t address, const T* values, std::uint64_t stride,
                              std::uint64_t first_column, std::uint32_t columns) {
  __shared__ std::int64_t of_row[threads], of_column[most_columns];
  const T gain = static_cast<T>(e.request.parameter[0]);
  const AxisRole down = e.shape.is_wide ? AxisRole::column : AxisRole::row,
                 across = e.shape.is_wide ? AxisRole::row : AxisRole::column;
  FASTINIT_ROLLED
  for (std::uint32_t k = threadIdx.x; k < columns; k += threads)
    of_column[k] = offset_along(e.request, e.shape, across, first_column + k);
  for (std::uint64_t begin = 0; begin < e.shape.rows; begin += threads) {
    const std::uint32_t rows =
        e.shape.rows - begin < threads ? static_cast<std::uint32_t>(e.shape.rows - begin) : threads;
    if (threadIdx.x < rows) of_row[threadIdx.x] = offset_along(e.request, e.shape, down, begin + threadIdx.x);
    __syncthreads();
    // Neighboring threads write neighboring elements of the array.
    const std::uint32_t width = e.shape.is_wide ? rows : columns;
    for (std::uint32_t k = threadIdx.x; k < rows * columns; k += threads) {
      const std::uint32_t outer = k / width, inner = k - outer * width;
      const std::uint32_t row = e.shape.is_wide ? inner : outer, column = e.shape.is_wide ? outer : inner;
      if (of_row[row] < 0 || of_column[column] < 0) continue;
      const std::uint64_t place = static_cast<std::uint64_t>(of_row[row] + of_column[column]);
      store_element(address + place * e.request.item_size, e.request.dtype,
                    values[(begin + row) * stride + column] * gain);
    }
    __syncthreads();
  }
}

}  // namespace
}  // namespace fastinit
