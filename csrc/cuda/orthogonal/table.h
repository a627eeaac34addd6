// The table that a launch for orthogonal matrices reads, and the layout of a matrix's working memory.
#pragma once

#include <cstdint>

#include "cuda/tuning.h"
#include "numerics/orthogonal.h"
#include "request/orthogonal_shape.h"
#include "request/request.h"

namespace fastinit {

// Matrices with more columns are not drawn in shared memory, since their blocks of reflectors are wider than a panel.
constexpr int largest_small_columns = 128;
constexpr std::uint64_t small_block = 16;  // orthogonal_block() of matrices with as many columns
// The most bytes of static shared memory in the kernel of small matrices.
constexpr std::uint64_t small_static_memory = 4 << 10;

// Some matrices of one request. The part of the array determines which columns are needed: the panels that hold them
// are drawn, and all reflectors up to the last panel.
struct OrthogonalEntry {
  std::uint64_t first_task;  // tasks of all the entries before
  std::uint64_t tasks;       // of a matrix
  std::uint64_t first_matrix;
  std::uint64_t workspace, workspace_size;  // offset of the first matrix, and distance to the next, in bytes
  std::uint64_t first_panel, last_panel;
  OrthogonalShape shape;
  Request request;
};

struct OrthogonalTable {
  const OrthogonalEntry* entries;  // one more than `count`; the last one's first_task is the number of tasks
  std::uint32_t count;
  unsigned char* workspace;  // an argument of the kernel, so that the compiler knows that it is global memory
};

// Elements before each array in a matrix's working memory, multiples of 16 bytes.
struct OrthogonalWorkspace {
  std::uint64_t triangles;  // S, transposed: row l of a block holds S[0,l] to S[l,l], then zeros
  std::uint64_t products;   // U
  std::uint64_t signs;      // D
  std::uint64_t panels;     // A, panel by panel, in rows of panel_columns
  std::uint64_t size;
};

// Elements before block q of v, which has the rows from its first column on; each has as many elements as the block has
// columns.
FASTINIT_INLINE std::uint64_t vectors_before(std::uint64_t rows, std::uint64_t block, std::uint64_t q) {
  return block * (q * rows - block * (q * (q - (q > 0)) / 2));
}

// Blocks of reflectors on which the needed columns depend.
FASTINIT_INLINE std::uint64_t blocks_of(const OrthogonalEntry& e) {
  return e.last_panel * panel_columns / std::uint64_t(orthogonal_block(e.shape.columns)) + 1;
}

template <class T>
FASTINIT_INLINE OrthogonalWorkspace workspace_of(const OrthogonalEntry& e) {
  const std::uint64_t rows = e.shape.rows + rows_at_once<T>, block = std::uint64_t(orthogonal_block(e.shape.columns));
  const std::uint64_t blocks = blocks_of(e);
  OrthogonalWorkspace at;
  at.triangles = vectors_before(rows, block, blocks);
  at.products = at.triangles + blocks * block * block;
  at.signs = at.products + blocks * block * block;
  at.panels = at.signs + blocks * block;
  at.size = at.panels + (e.last_panel - e.first_panel + 1) * rows * panel_columns;
  return at;
}

// A small matrix in shared memory: A, with rows of odd length so that neither rows nor columns compete for banks, then
// v, U and S of one block, and W.
FASTINIT_INLINE std::uint64_t small_stride(std::uint64_t columns) { return columns | 1; }
FASTINIT_INLINE std::uint64_t small_size(std::uint64_t rows, std::uint64_t columns, std::uint64_t item) {
  constexpr std::uint64_t block = small_block;
  return item * (block * (rows + columns + 2 * block) + rows * small_stride(columns));
}

}  // namespace fastinit
