// One orthogonal matrix as the product of its reflectors, in memory; numerics/orthogonal.h defines each number.
#pragma once

#include "cpu/interrupt.h"
#include "numerics/orthogonal.h"
#include "numerics/philox.h"
#include "request/request.h"

namespace fastinit {

// Reflectors are stored in strips of columns. A strip has the rows from its first column on, `strip_stride` apart.
constexpr std::uint64_t strip_columns = 128;
// Rows of zeros below each strip and panel, so that no tile reaches beyond the memory. No tile is higher.
constexpr std::uint64_t extra_rows = 8;
// Elements of which every row is a multiple. No vector is longer.
constexpr std::uint64_t row_unit = 16;
// Columns of float32 of which a panel's width is a multiple: whole tiles of every instruction set. No panel is wider
// than the widest, so that it stays in the caches.
constexpr std::uint64_t panel_unit = 96, widest_panel = 192;

FASTINIT_INLINE std::uint64_t round_up(std::uint64_t n, std::uint64_t unit) { return (n + unit - 1) / unit * unit; }

// Long rows are a cache line longer than a power of two; otherwise successive rows would compete for the same cache
// sets.
FASTINIT_INLINE std::uint64_t strip_stride(std::uint64_t columns) {
  return columns < strip_columns ? round_up(columns, row_unit) : strip_columns + row_unit;
}

struct Reflectors {
  Stream stream;
  std::uint64_t first;          // index of the matrix's first element in the stream
  std::uint64_t rows, columns;  // of the tall matrix
  bool in_float64;              // then the arrays below are of double, else of float
  void* vectors;                // v, by strips
  void* triangles;              // S transposed, by blocks: row l holds S[0,l] .. S[l,l]
  void* signs;                  // D
};

FASTINIT_INLINE std::uint64_t block_size(const Reflectors& q) { return std::uint64_t(orthogonal_block(q.columns)); }

FASTINIT_INLINE std::uint64_t strip_count(const Reflectors& q) {
  return (q.columns + strip_columns - 1) / strip_columns;
}

// Elements before a strip, or in all strips for strip_count.
FASTINIT_INLINE std::uint64_t strip_offset(const Reflectors& q, std::uint64_t strip) {
  const std::uint64_t whole_rows = strip * (q.rows + extra_rows) - strip_columns * (strip * (strip - (strip > 0)) / 2);
  return whole_rows * strip_stride(q.columns);
}

FASTINIT_INLINE std::uint64_t triangles_size(const Reflectors& q) {
  return round_up(q.columns, block_size(q)) * block_size(q);
}

// Elements of working memory that it takes to build a strip, and to apply all blocks to this number of columns.
FASTINIT_INLINE std::uint64_t strip_scratch(const Reflectors& q) { return block_size(q) * block_size(q); }

FASTINIT_INLINE std::uint64_t panel_scratch(const Reflectors& q, std::uint64_t columns) {
  return (q.rows + extra_rows + 2 * block_size(q)) * round_up(columns, row_unit);
}

// Where the elements go: element (i, j) of the tall matrix to of_row[i] + of_column[j], in elements, unless one of them
// is negative.
struct Target {
  std::uint64_t address;
  Dtype dtype;
  double gain;
  const std::int64_t* of_row;
  const std::int64_t* of_column;
  bool rows_contiguous;  // the offset of each row is that of the row before plus 1
};

// The kernels of each instruction set, in float64 and float32.
struct ReflectorKernels {
  // Draws the reflectors of a strip and computes their blocks.
  void (*build)(const Reflectors& q, std::uint64_t strip, void* scratch);
  // Writes the columns [begin, end) of the matrix. Gives up, with nothing written, once the flag is set.
  void (*apply)(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
                InterruptFlag& flag);
};

}  // namespace fastinit
