// The kernel that fills all requests of a list. The tiles of all requests, end to end, are dealt to the blocks of
// threads in turn; a block finds a tile's request by binary search. No value knows where tiles begin and end.
#pragma once

#include "cuda/fill/kernels.h"
#include "cuda/fill/groups.cuh"
#include "cuda/search.cuh"
#include "cuda/stores.cuh"

namespace fastinit {
namespace {

// ---- places

// A unit of a request: the Philox block of the whole array that it is, and where in the part that block begins.
struct Place {
  std::uint64_t block;
  std::uint64_t unit_in_row;
  std::int64_t position;  // of the block's first element; negative by up to 3 where the part begins inside the block
  std::uint32_t skipped;  // elements between the beginning of a block and that of the row
  std::int64_t row_end;   // the position behind the row's last element
};

// a / b for 0 < b < 2^63. The compiler's own division is a call, around which registers are spilled; numbers that need
// the loop are rare.
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

// ---- stores

// To an address that is a multiple of 4 * words, or of 16.
template <int words>
__device__ void store_words(std::uint64_t address, const std::uint32_t (&word)[words]) {
  if constexpr (words == 1) {
    store(address, word[0]);
  } else if constexpr (words == 2) {
    store(address, make_uint2(word[0], word[1]));
  } else {
    FASTINIT_UNROLL
    for (int k = 0; k < words; k += 4)
      store(address + 4 * k, make_uint4(word[k], word[k + 1], word[k + 2], word[k + 3]));
  }
}

// The elements [from, to) of those that the words hold, `address` being that of the first of all.
template <class Bits, int words>
__device__ void store_items(std::uint64_t address, const std::uint32_t (&word)[words], int from, int to) {
  constexpr int size = sizeof(Bits), items = 4 * words / size;
  FASTINIT_UNROLL
  for (int j = 0; j < items; ++j) {
    if (j < from || j >= to) continue;
    if constexpr (size == 8) {
      store(address + j * size, word[2 * j] | static_cast<std::uint64_t>(word[2 * j + 1]) << 32);
    } else {
      store(address + j * size, static_cast<Bits>(word[j * size / 4] >> (j * size % 4 * 8)));
    }
  }
}

// ---- tiles

__device__ std::uint64_t first_unit(const FillTable& table, const FillEntry& entry, std::uint32_t tile) {
  return static_cast<std::uint64_t>(tile - entry.first_tile) * table.tile_units;
}

// Whole tiles are multiples of this: what does not depend on the block is computed once for several of them.
template <class Group>
constexpr std::uint32_t whole_units = Group::blocks_in_flight * fill_threads;

// `units` successive blocks, a multiple of whole_units, all of them wanted, to an address that is a multiple of 16.
template <class Group>
__device__ void fill_whole_tile(const Group& group, std::uint64_t block, std::uint64_t address, std::uint32_t units) {
  constexpr std::uint32_t blocks = Group::blocks_at_once, stores = Group::blocks_in_flight / blocks;
  constexpr std::uint32_t bytes = 16 * Group::pieces;  // of a thread's blocks at once
  const std::uint64_t high = block >> 32 << 32;
  std::uint32_t low = static_cast<std::uint32_t>(block) + threadIdx.x * blocks;
  address += threadIdx.x * bytes;
  for (std::uint32_t unit = 0; unit < units; unit += whole_units<Group>) {
    FASTINIT_UNROLL
    for (std::uint32_t k = 0; k < stores; ++k) {
      const std::uint64_t first = address + k * fill_threads * bytes;
      group.template fill<4>(high | (low + k * fill_threads * blocks),
                             [&](int piece, const std::uint32_t (&word)[4]) { store_words(first + 16 * piece, word); });
    }
    low += whole_units<Group>;
    address += stores * fill_threads * bytes;
  }
}

// Any tile, block by block; `row` is that of its first block. What stands in the table is read again for each:
// registers are scarce, and this is not the usual way.
template <class Group>
__device__ void fill_partial_tile(const Group& group, const FillTable& table, std::uint32_t index, std::uint32_t tile,
                                  std::uint64_t row) {
  using Item = typename Group::Item;
  constexpr int size = sizeof(Item), items = 4 / Group::pieces;
  for (std::uint32_t k = threadIdx.x; k < table.tile_units; k += fill_threads) {
    read_again();
    const Request& r = table.requests[index];
    const FillEntry& entry = table.entries[index];
    const std::uint64_t unit = first_unit(table, entry, tile) + k;
    if (unit >= entry.units) break;
    // Most often the tile's own row. Where it is not, the numbers fit in 32 bits, or the quotient is one.
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

// Of a constant: 16-byte pieces of memory, counted from the address before the first element that is a multiple of 16.
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
      store(address, make_uint4(low, high, low, high));
      continue;
    }
    for (std::uint64_t at = address < first ? first : address; at < address + 16 && at < last; at += size)
      store_item(at, size, pattern);
  }
}

// ---- the kernel

// The request whose tiles `tile` is among, `index` or one behind it.
__device__ std::uint32_t find_request(const FillTable& table, std::uint32_t index, std::uint32_t tile) {
  return find_entry<&FillEntry::first_tile>(table.entries, table.count, index, tile);
}

// For requests of one draw and dtype, and constants.
template <class Group>
__global__ void __launch_bounds__(fill_threads, 4) fill_kernel(const FillTable table) {
  std::uint32_t index = 0;
  for (std::uint32_t tile = blockIdx.x; tile < table.tiles; tile += gridDim.x) {
    index = find_request(table, index, tile);
    if (table.entries[index].kind == FillKind::constant) {
      fill_constant_tile(table, index, tile);
    } else {
      fill_tile<Group>(table, index, tile);
    }
  }
}

}  // namespace
}  // namespace fastinit
