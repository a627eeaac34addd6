// One orthogonal matrix as the product of its reflectors, in memory; numerics/orthogonal.h says what each number is.
#pragma once

#include <cstddef>

#include "request/request.h"
#include "numerics/orthogonal.h"
#include "numerics/philox.h"

namespace fastinit {

// Reflectors are kept in strips of columns. A strip has its rows from its first column on, `strip_stride` apart.
constexpr std::uint64_t strip_columns = 128;
// Rows of zeros below each strip and panel, so that tiles need no ends: no tile is higher.
constexpr std::uint64_t extra_rows = 8;
// Every row is a whole number of these: no vector is longer.
constexpr std::uint64_t row_unit = 16;

FASTINIT_INLINE std::uint64_t round_up(std::uint64_t n, std::uint64_t unit) { return (n + unit - 1) / unit * unit; }

// Long rows are a cache line longer than a power of two, or successive ones would compete for the same cache sets.
FASTINIT_INLINE std::uint64_t strip_stride(std::uint64_t columns) {
  return columns < strip_columns ? round_up(columns, row_unit) : strip_columns + row_unit;
}

struct Reflectors {
  Stream stream;
  std::uint64_t first;          // the matrix's first element, as an index of the stream
  std::uint64_t rows, columns;  // of the tall matrix
  std::uint32_t dtype;          // of the array
  // Of double for float64 matrices, else of float.
  void* vectors;    // v, by strips
  void* triangles;  // S transposed, by blocks: row l holds S[0,l] .. S[l,l]
  void* signs;      // D
};

FASTINIT_INLINE std::uint64_t block_size(const Reflectors& q) { return std::uint64_t(orthogonal_block(q.columns)); }

FASTINIT_INLINE std::uint64_t strip_count(const Reflectors& q) {
  return (q.columns + strip_columns - 1) / strip_columns;
}

// Elements before a strip; strip_count is the end of all.
FASTINIT_INLINE std::uint64_t strip_offset(const Reflectors& q, std::uint64_t strip) {
  const std::uint64_t whole_rows = strip * (q.rows + extra_rows) - strip_columns * (strip * (strip - (strip > 0)) / 2);
  return whole_rows * strip_stride(q.columns);
}

FASTINIT_INLINE std::uint64_t triangles_size(const Reflectors& q) {
  return round_up(q.columns, block_size(q)) * block_size(q);
}

// Elements of the working memory that building a strip, and applying all blocks to so many columns, take.
FASTINIT_INLINE std::uint64_t strip_scratch(const Reflectors& q) { return block_size(q) * block_size(q); }

FASTINIT_INLINE std::uint64_t panel_scratch(const Reflectors& q, std::uint64_t columns) {
  return (q.rows + extra_rows + 2 * block_size(q)) * round_up(columns, row_unit);
}

// Where the elements go: element (i, j) of the tall matrix to the sum of two offsets, in elements, or nowhere where
// one of them is negative.
struct Target {
  std::uint64_t address;
  std::uint32_t dtype;
  double gain;
  const std::int64_t* of_row;
  const std::int64_t* of_column;
  bool rows_contiguous;  // each offset of a row is the one before and 1
};

class Watch;
bool stopped(Watch& watch);

// What each instruction set has of this, in float64 and float32.
struct ReflectorKernels {
  // Draws the reflectors of a strip and works out their blocks.
  void (*build)(const Reflectors& q, std::uint64_t strip, void* scratch);
  // Writes the columns [begin, end) of the matrix. Gives up, with nothing written, when the watch says so.
  void (*apply)(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
                Watch& watch);
};

}  // namespace fastinit
