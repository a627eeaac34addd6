// What a launch reads: the requests as they are, and for each where its work begins.
#pragma once

#include <cstdint>

#include "request/request.h"

namespace fastinit {

// Which code draws a request: a fill's, where `constant` serves every dtype, or that of what is written over fills.
enum class FillKind : std::uint32_t {
  constant,
  uniform,
  clamped_uniform,
  normal,
  truncated_centre,
  truncated_wide_symmetric,
  truncated_wide,
  truncated_tail,
  scatter,
  mask_columns,
  mask_four_columns,  // that share their Philox blocks
  mask_rows,
  mask_elements,
};

// A request's units are Philox blocks, row by row; for constants 16-byte pieces of memory, for scattered ones elements,
// for masks of exact counts columns of samples, or four of them. A row of the part is a stretch that is contiguous in
// the whole array too.
struct FillEntry {
  std::uint32_t first_tile;  // tiles of all the requests before it
  FillKind kind;
  std::uint64_t units_in_row;
  std::uint64_t units;
};

struct FillTable {
  const FillEntry* entries;  // one more than there are requests: its first_tile is `tiles`
  const Request* requests;
  std::uint32_t count;
  std::uint32_t tile_units;
  std::uint32_t tiles;  // of all requests
};

}  // namespace fastinit
