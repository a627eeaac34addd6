// The kernel that fills. The tiles of all requests of a launch, end to end, go to blocks of threads in turn; a block
// finds a tile's request by binary search. No value depends on where tiles begin and end.
#pragma once

#include "cuda/fill/groups.cuh"
#include "cuda/fill/kernels.h"
#include "cuda/places.cuh"
#include "cuda/stores.cuh"
#include "cuda/tuning.h"

namespace fastinit {
namespace {

// Whole tiles are multiples of this number of units: computations that do not depend on the block are done once for
// several blocks.
template <class Group>
constexpr std::uint32_t whole_units = Group::blocks_in_flight * fill_threads;

// Fills with `units` successive blocks, a multiple of whole_units, from an address that is a multiple of 16.
template <class Group>
__device__ void fill_whole_tile(const Group& group, std::uint64_t block, std::uint64_t address, std::uint32_t units) {
  constexpr std::uint32_t blocks = Group::blocks_at_once, stores = Group::blocks_in_flight / blocks;
  constexpr int words = Group::words_at_once / Group::pieces;
  constexpr std::uint32_t bytes = 4 * Group::words_at_once;  // of a thread's blocks at once
  const std::uint64_t high = block >> 32 << 32;
  std::uint32_t low = static_cast<std::uint32_t>(block) + threadIdx.x * blocks;
  address += threadIdx.x * bytes;
  for (std::uint32_t unit = 0; unit < units; unit += whole_units<Group>) {
    FASTINIT_UNROLL
    for (std::uint32_t k = 0; k < stores; ++k) {
      const std::uint64_t first = address + k * fill_threads * bytes;
      group.template fill<words>(
          high | (low + k * fill_threads * blocks),
          [&](int piece, const std::uint32_t (&word)[words]) { store_words(first + 4 * words * piece, word); });
    }
    low += whole_units<Group>;
    address += stores * fill_threads * bytes;
  }
}

// Fills any tile, block by block; `row` is that of its first block. The table is read again for each, since registers
// are scarce and this path is rare.
template <class Group>
__device__ void fill_partial_tile(const Group& group, const FillTable& table, std::uint32_t index, std::uint32_t tile,
                                  std::uint64_t row) {
  using Item = typename Group::Item;
  constexpr int size = sizeof(Item), items = 4 / Group::pieces;
  for (std::uint32_t k = threadIdx.x; k < table.tile_units; k += fill_threads) {
    Lanes::read_again();
    const Request& r = table.requests[index];
    const FillEntry& entry = table.entries[index];
    const std::uint64_t unit = first_unit(table, entry, tile) + k;
    if (unit >= entry.units) break;
    // Most often the tile's own row. Otherwise the numbers fit in 32 bits, or the quotient is one.
    const std::uint64_t units_in_row = entry.units_in_row;
    std::uint64_t unit_in_row = unit - row * units_in_row;
    std::uint32_t rows = 0;
    if (unit_in_row >= units_in_row) {
      rows =
          units_in_row >> 31 ? 1 : static_cast<std::uint32_t>(unit_in_row) / static_cast<std::uint32_t>(units_in_row);
      unit_in_row -= rows * units_in_row;
    }
    const Place place = place_of(r, row + rows, unit_in_row);
    const int from = place.unit_in_row == 0 ? place.skipped : 0;
    const std::int64_t left = place.row_end - place.position;
    const int to = left < 4 ? static_cast<int>(left) : 4;
    const std::uint64_t address = r.address + place.position * size;
    constexpr std::uint64_t alignment = size < 4 ? 4 * size : 16;
    group.template fill<Group::words>(place.block, [&](int piece, const std::uint32_t (&word)[Group::words]) {
      if (from == 0 && to == 4 && address % alignment == 0) {
        store_words(address + 16 * piece, word);
      } else {
        store_items<Item>(address + 16 * piece, word, from - items * piece, to - items * piece);
      }
    });
  }
}

template <class Group>
__device__ void fill_tile(const FillTable& table, std::uint32_t index, std::uint32_t tile) {
  const Request& r = table.requests[index];
  const FillEntry& entry = table.entries[index];
  const Group group(r);
  const std::uint64_t unit = first_unit(table, entry, tile);
  const std::uint64_t row = r.rank == 1 ? 0 : quotient(unit, entry.units_in_row);
  const Place place = place_of(r, row, unit - row * entry.units_in_row);
  const std::uint64_t start = r.address + place.position * std::int64_t(sizeof(typename Group::Item));
  const bool is_whole = (place.unit_in_row > 0 || place.skipped == 0) &&
                        place.position + 4 * std::int64_t(table.tile_units) <= place.row_end;
  if (is_whole && table.tile_units % whole_units<Group> == 0 && start % 16 == 0 &&
      shares_high_half(place.block, table.tile_units)) {
    fill_whole_tile(group, place.block, start, table.tile_units);
  } else {
    fill_partial_tile(group, table, index, tile, row);
  }
}

// Fills with a constant. The units are pieces of 16 bytes, from the last multiple of 16 up to the first element's
// address.
__device__ void fill_constant_tile(const FillTable& table, std::uint32_t index, std::uint32_t tile) {
  const Request& r = table.requests[index];
  const FillEntry& entry = table.entries[index];
  const std::uint32_t size = r.item_size;
  std::uint64_t pattern = r.pattern;
  for (std::uint32_t bits = 8 * size; bits < 64; bits *= 2)
    pattern = (pattern & ((std::uint64_t(1) << bits) - 1)) | pattern << bits;
  const std::uint32_t low = static_cast<std::uint32_t>(pattern), high = static_cast<std::uint32_t>(pattern >> 32);
  const std::uint64_t first = r.address, last = first + r.count * size;
  const std::uint64_t begin = first_unit(table, entry, tile);
  const std::uint64_t stop = begin + table.tile_units < entry.units ? begin + table.tile_units : entry.units;
  for (std::uint64_t unit = begin + threadIdx.x; unit < stop; unit += fill_threads) {
    const std::uint64_t address = first / 16 * 16 + 16 * unit;
    if (address >= first && address + 16 <= last) {
      Lanes::store(address, make_uint4(low, high, low, high));
      continue;
    }
    for (std::uint64_t at = address < first ? first : address; at < address + 16 && at < last; at += size)
      store_item(at, size, pattern);
  }
}

// Draws requests of one formula and dtype, and fills with constants.
template <class Group>
__global__ void __launch_bounds__(fill_threads, fill_blocks) fill_requests(const FillTable table) {
  std::uint32_t index = 0;
  for (std::uint32_t tile = blockIdx.x; tile < table.tiles; tile += gridDim.x) {
    index = find_request(table, index, tile);
    if (table.entries[index].kind == UnitKind::constant) {
      fill_constant_tile(table, index, tile);
    } else {
      fill_tile<Group>(table, index, tile);
    }
  }
}

}  // namespace
}  // namespace fastinit
