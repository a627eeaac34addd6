// The kernel that writes over fills: zeros of masks, and scattered constants. Each thread takes a column of samples (or
// four that share their Philox blocks), a Philox block of a Bernoulli mask, or an element.
#pragma once

#include "cuda/mask/kernels.h"
#include "cuda/places.cuh"
#include "cuda/stores.cuh"
#include "cuda/tuning.h"
#include "numerics/masks.h"
#include "numerics/philox.h"
#include "request/blocks.h"
#include "request/samples.h"

namespace fastinit {
namespace {

__device__ void zero_item(const Request& r, std::uint64_t place) {
  store_item(r.address + place * r.item_size, r.item_size, 0);
}

// ---- words

// The words of one Philox block, which is drawn when a word of another block is needed.
class MaskWords {
 public:
  __device__ explicit MaskWords(const Request& r) : stream_{r.seed, r.stream} {}

  __device__ void draw(std::uint64_t block) {
    if (block == block_) return;
    block_ = block;
    std::uint64_t drawn[1][4];
    philox<Lanes, 1>(stream_, block | purpose_masks, 0, drawn);
    for (int j = 0; j < 4; ++j) word[j] = static_cast<std::uint32_t>(drawn[0][j]);
  }

  __device__ std::uint32_t at(std::uint64_t flat) {
    draw(flat / 4);
    const std::uint32_t j = static_cast<std::uint32_t>(flat % 4);
    return j < 2 ? (j == 0 ? word[0] : word[1]) : (j == 2 ? word[2] : word[3]);
  }

  std::uint32_t word[4];

 private:
  Stream stream_;
  std::uint64_t block_ = ~std::uint64_t(0);
};

// ---- units

// Masks `width` columns of neighboring elements; four columns share a Philox block.
template <int width>
__device__ void mask_columns(const Request& r, std::uint64_t first) {
  const Column column = column_at(r, first);
  const std::uint32_t period = static_cast<std::uint32_t>(r.period);
  MaskWords words(r);
  Walk walk = walk_along(r);
  std::uint32_t need[width];
  do {
    const std::uint32_t done = static_cast<std::uint32_t>(walk.position % period);
    std::uint64_t distance;
    const bool is_in_part = in_part(r, walk, distance);
    const std::uint64_t flat = column.flat + walk.flat;
    if constexpr (width == 4) words.draw(flat / 4);
    FASTINIT_UNROLL
    for (int k = 0; k < width; ++k) {
      if (done == 0) need[k] = static_cast<std::uint32_t>(r.zeros);
      const std::uint32_t word = width == 4 ? words.word[k] : words.at(flat);
      if (!is_zeroed<Lanes>(word, period - done, need[k])) continue;
      --need[k];
      if (is_in_part) zero_item(r, column.place + distance + k);
    }
  } while (advance(r, walk));
}

// Masks samples that follow each other along the innermost axis.
__device__ void mask_row(const Request& r, std::uint64_t row) {
  const Column column = column_at(r, row);
  MaskWords words(r);
  Walk walk = walk_along(r);
  const int inner = static_cast<int>(r.rank) - 1;
  const SampleAxis row_axis = sample_axis(r, inner);
  const std::uint64_t start = row_axis.start, stop = row_axis.stop, end = start + r.extent[inner];
  std::uint32_t left = 0, need = 0;
  do {
    std::uint64_t distance;
    const bool is_in_part = in_part(r, walk, distance);
    for (std::uint64_t at = walk.axis >= 0 ? 0 : start / r.period * r.period; at < stop; ++at, --left) {
      if (left == 0) {
        left = static_cast<std::uint32_t>(r.period);
        need = static_cast<std::uint32_t>(r.zeros);
      }
      const std::uint32_t word = words.at(column.flat + walk.flat + at - start);
      if (!is_zeroed<Lanes>(word, left, need)) continue;
      --need;
      if (is_in_part && at >= start && at < end) zero_item(r, column.place + distance + at - start);
    }
  } while (advance(r, walk));
}

// Masks the independent elements of a Philox block.
__device__ void mask_block(const Request& r, const FillEntry& entry, std::uint64_t unit) {
  const std::uint64_t row = r.rank == 1 ? 0 : unit / entry.units_in_row;
  const Place place = place_of(r, row, unit - row * entry.units_in_row);
  MaskWords words(r);
  words.draw(place.block);
  const std::int64_t begin = place.unit_in_row == 0 ? place.position + place.skipped : place.position;
  FASTINIT_UNROLL
  for (int j = 0; j < 4; ++j) {
    const std::int64_t position = place.position + j;
    if (position < begin || position >= place.row_end) continue;
    if (is_zeroed<Lanes>(words.word[j], static_cast<std::uint32_t>(r.threshold))) zero_item(r, position);
  }
}

// Masks an element with the word of its block.
__device__ void mask_element_of_block(const Request& r, std::uint64_t element) {
  const int last = static_cast<int>(r.rank) - 1;
  const std::uint64_t number = element / r.extent[last], in_row = element - number * r.extent[last];
  const RowOfBlocks row = row_of_blocks(r, number);
  MaskWords words(r);
  const std::uint32_t word = words.at(row.first + (row.phase + in_row) / r.step[last]);
  if (is_zeroed<Lanes>(word, static_cast<std::uint32_t>(r.threshold))) zero_item(r, element);
}

__device__ void scatter_element(const Request& r, std::uint64_t element) {
  std::uint64_t at = 0;
  FASTINIT_ROLLED
  for (std::uint64_t axis = r.rank; axis-- > 0;) {
    const std::uint64_t rest = element / r.extent[axis];
    at += (element - rest * r.extent[axis]) * r.stride[axis];
    element = rest;
  }
  store_item(r.address + at * r.item_size, r.item_size, r.pattern);
}

__device__ void write_unit(const Request& r, const FillEntry& entry, std::uint64_t unit) {
  switch (entry.kind) {
    case UnitKind::mask_columns:
      return mask_columns<1>(r, unit);
    case UnitKind::mask_four_columns:
      return mask_columns<4>(r, 4 * unit);
    case UnitKind::mask_rows:
      return mask_row(r, unit);
    case UnitKind::mask_elements:
      return mask_block(r, entry, unit);
    case UnitKind::mask_blocks:
      return mask_element_of_block(r, unit);
    case UnitKind::scatter:
      return scatter_element(r, unit);
    case UnitKind::constant:
    case UnitKind::drawn:
      return;  // not in this kernel's launches
  }
}

__global__ void __launch_bounds__(mask_threads) mask_requests(const FillTable table) {
  std::uint32_t index = 0;
  for (std::uint32_t tile = blockIdx.x; tile < table.tiles; tile += gridDim.x) {
    index = find_request(table, index, tile);
    const FillEntry& entry = table.entries[index];
    const std::uint64_t unit = std::uint64_t(tile - entry.first_tile) * mask_threads + threadIdx.x;
    if (unit < entry.units) write_unit(table.requests[index], entry, unit);
  }
}

}  // namespace
}  // namespace fastinit
