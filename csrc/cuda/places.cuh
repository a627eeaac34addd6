// From tiles and units of a launch to requests and their elements.
#pragma once

#include "cuda/search.cuh"
#include "cuda/table.h"
#include "request/request.h"

namespace fastinit {
namespace {

// The request to which a tile belongs, `index` or a later one.
__device__ std::uint32_t find_request(const FillTable& table, std::uint32_t index, std::uint32_t tile) {
  return find_entry<&FillEntry::first_tile>(table.entries, table.count, index, tile);
}

__device__ std::uint64_t first_unit(const FillTable& table, const FillEntry& entry, std::uint32_t tile) {
  return static_cast<std::uint64_t>(tile - entry.first_tile) * table.tile_units;
}

// A unit of a request: its Philox block of the whole array, and where in the part that block begins.
struct Place {
  std::uint64_t block;
  std::uint64_t unit_in_row;
  std::int64_t position;  // index in the part of the block's first element; down to -3 if the part begins inside it
  std::uint32_t skipped;  // elements from the beginning of the row's first block to that of the row
  std::int64_t row_end;   // the position after the row's last element
};

// a / b for 0 < b < 2^63. The compiler's own division is a call that spills registers; numbers that need the loop are
// rare.
__device__ std::uint64_t quotient(std::uint64_t a, std::uint64_t b) {
  if ((a | b) >> 32 == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  std::uint64_t found = 0, rest = 0;
  FASTINIT_ROLLED
  for (int bit = 0; bit < 64; ++bit) {
    rest = rest << 1 | a >> 63;
    a <<= 1;
    found <<= 1;
    if (rest >= b) {
      rest -= b;
      found |= 1;
    }
  }
  return found;
}

// The flat index in the whole array at which a row of the part begins.
__device__ std::uint64_t first_of_row(const Request& r, std::uint64_t row) {
  std::uint64_t first = r.offset;
  FASTINIT_ROLLED
  for (int axis = static_cast<int>(r.rank) - 2; axis > 0; --axis) {
    const std::uint64_t outer = quotient(row, r.extent[axis]);
    first += (row - outer * r.extent[axis]) * r.stride[axis];
    row = outer;
  }
  return first + row * r.stride[0];
}

__device__ Place place_of(const Request& r, std::uint64_t row, std::uint64_t unit) {
  const std::uint64_t length = r.extent[r.rank - 1];
  const std::uint64_t first = r.rank == 1 ? r.offset : first_of_row(r, row);
  const std::uint32_t skipped = static_cast<std::uint32_t>(first % 4);
  return {first / 4 + unit, unit, static_cast<std::int64_t>(row * length + 4 * unit) - skipped, skipped,
          static_cast<std::int64_t>((row + 1) * length)};
}

}  // namespace
}  // namespace fastinit
