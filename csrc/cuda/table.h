// The table that a launch reads: the requests themselves, and where the work of each begins.
#pragma once

#include <cstdint>

#include "request/request.h"

namespace fastinit {

// What the units of a request are, and how they are written.
enum class UnitKind : std::uint32_t {
  constant,           // 16-byte pieces of memory
  drawn,              // Philox blocks, row by row
  scatter,            // elements
  mask_columns,       // columns of samples
  mask_four_columns,  // four columns of samples that share their Philox blocks
  mask_rows,          // columns of samples that run along the innermost axis
  mask_elements,      // Philox blocks, row by row, of independent elements
  mask_blocks,        // elements, each with the word of its block
};

// A row of a part is a stretch that is contiguous in the whole array too.
struct FillEntry {
  std::uint32_t first_tile;  // tiles of all the requests before it
  UnitKind kind;
  std::uint64_t units_in_row;
  std::uint64_t units;
};

struct FillTable {
  const FillEntry* entries;  // one more than there are requests; the last one's first_tile is `tiles`
  const Request* requests;
  std::uint32_t count;
  std::uint32_t tile_units;
  std::uint32_t tiles;  // of all requests
};

}  // namespace fastinit
