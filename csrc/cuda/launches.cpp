#include "cuda/launches.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "cuda/fill/kernels.h"
#include "cuda/mask/kernels.h"
#include "cuda/runtime.h"
#include "cuda/tuning.h"
#include "lanes/scalar.h"
#include "request/samples.h"

namespace fastinit {
namespace {

// Whether columns lie four by four in Philox blocks in every row.
bool has_columns_by_four(const Request& r) {
  const int last = static_cast<int>(r.rank) - 1;
  bool by_four = r.offset % 4 == 0 && r.extent[last] % 4 == 0;
  for (int axis = 0; axis < last; ++axis) by_four = by_four && r.stride[axis] % 4 == 0;
  return by_four;
}

constexpr std::uint64_t most_skipped = 3;

// Kernels count tiles in 32 bits, beyond the last one by as many as there are blocks of threads. Tiles of fills are
// large enough for any memory.
constexpr std::uint64_t largest_number_of_tiles = INT32_MAX;

// A request whose units are Philox blocks, row by row, of which the first has up to `skipped` elements before the row.
FillEntry entry_by_blocks(const Request& r, UnitKind kind, std::uint64_t skipped) {
  const std::uint64_t row = r.extent[r.rank - 1], units_in_row = (skipped + row + 3) / 4;
  return {0, kind, units_in_row, r.count / row * units_in_row};
}

FillEntry entry_by_blocks(const Request& r, UnitKind kind) {
  std::uint64_t skipped = r.offset % 4;
  for (std::uint64_t axis = 0; axis + 1 < r.rank; ++axis) {
    if (r.stride[axis] % 4 != 0) skipped = most_skipped;  // rows begin at different elements of a block
  }
  return entry_by_blocks(r, kind, skipped);
}

// A constant, which begins `before` bytes after a multiple of 16, or fewer.
FillEntry entry_of_constant(const Request& r, std::uint64_t before) {
  return {0, UnitKind::constant, 0, (before + r.count * r.item_size + 15) / 16};
}

FillEntry entry_of_mask(const Request& r) {
  if (r.distribution == Distribution::bernoulli_mask) return entry_by_blocks(r, UnitKind::mask_elements);
  if (r.distribution == Distribution::block_mask) return {0, UnitKind::mask_blocks, 0, r.count};
  const std::uint64_t columns = columns_of(r);
  if (samples_run_along_innermost(r)) return {0, UnitKind::mask_rows, 0, columns};
  if (has_columns_by_four(r)) return {0, UnitKind::mask_four_columns, 0, columns / 4};
  return {0, UnitKind::mask_columns, 0, columns};
}

// The kernel that draws a request, or null for a constant.
const void* kernel_for(const Request& r) {
  const std::uint32_t formula = visit_distribution(r.distribution, [&](auto row) {
    return decltype(row)::Numbers::template choose<ScalarLanes>(r.formula, r.parameter, in_float64(r.dtype));
  });
  return fill_kernel(r.distribution, formula, r.dtype);
}

// The kernel that fills with constants where no request is drawn; every kernel can.
const void* kernel_for_constants() { return fill_kernel(Distribution::normal, 0, Dtype::float32); }

}  // namespace

void Launch::add(const Request& request, const FillEntry& entry) {
  requests_.push_back(&request);
  entries_.push_back(entry);
  units_ += entry.units;
}

void Launch::prepare(int device) {
  int multiprocessors = 0, resident = 0;
  check_cuda(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
             "cudaDeviceGetAttribute");
  check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel_, static_cast<int>(threads_), 0),
             "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  const std::uint64_t most = grid_waves * std::uint64_t(multiprocessors) * std::max(resident, 1);
  while (tile_units_ < largest_tile_ && units_ / (2 * tile_units_) >= tiles_per_block * most) tile_units_ *= 2;
  std::uint64_t tiles = 0;
  for (FillEntry& entry : entries_) {
    entry.first_tile = static_cast<std::uint32_t>(tiles);
    tiles += (entry.units + tile_units_ - 1) / tile_units_;
  }
  if (tiles > largest_number_of_tiles) {
    throw std::runtime_error("one call on a GPU masks at most 2^37 elements; draw in parts, by index=");
  }
  entries_.push_back({static_cast<std::uint32_t>(tiles), UnitKind::constant, 0, 0});
  blocks_ = static_cast<std::uint32_t>(std::min(tiles, most));
}

FillTable Launch::table_at(char* device) const {
  const std::size_t size_of_entries = entries_.size() * sizeof(FillEntry);
  return {reinterpret_cast<const FillEntry*>(device), reinterpret_cast<const Request*>(device + size_of_entries),
          static_cast<std::uint32_t>(requests_.size()), tile_units_, entries_.back().first_tile};
}

FillTable Launch::write(char* host, char* device) const {
  const std::size_t size_of_entries = entries_.size() * sizeof(FillEntry);
  std::memcpy(host, entries_.data(), size_of_entries);
  auto* out = reinterpret_cast<Request*>(host + size_of_entries);
  for (const Request* request : requests_) std::memcpy(out++, request, sizeof(Request));
  return table_at(device);
}

Launch launch_of_fills_anywhere(const Request& request, std::size_t arrays, int device) {
  const void* const kernel = kernel_for(request);
  const FillEntry entry =
      kernel ? entry_by_blocks(request, UnitKind::drawn, most_skipped) : entry_of_constant(request, 15);
  Launch launch(kernel ? kernel : kernel_for_constants(), fill_threads, largest_fill_tile);
  for (std::size_t k = 0; k < arrays; ++k) launch.add(request, entry);
  launch.prepare(device);
  return launch;
}

Launches::Launches(const Request* requests, std::size_t count) {
  std::map<const void*, std::size_t> index;  // of a kernel's launch in fills
  const auto launch_of = [&](const void* kernel) -> Launch& {
    const auto [at, is_new] = index.emplace(kernel, fills.size());
    if (is_new) fills.emplace_back(kernel, fill_threads, largest_fill_tile);
    return fills[at->second];
  };
  Launch scatters(mask_kernel(), mask_threads, mask_threads), masks = scatters;
  std::vector<const Request*> constants;
  for (const Request* r = requests; r != requests + count; ++r) {
    if (r->count == 0) continue;
    switch (class_of(r->distribution)) {
      case RequestClass::fill:
        if (const void* const kernel = kernel_for(*r)) {
          launch_of(kernel).add(*r, entry_by_blocks(*r, UnitKind::drawn));
        } else {
          constants.push_back(r);
        }
        break;
      case RequestClass::matrix:
        matrices.push_back(r);
        break;
      case RequestClass::mask:
        masks.add(*r, entry_of_mask(*r));
        break;
      case RequestClass::scatter:
        scatters.add(*r, {0, UnitKind::scatter, 0, r->count});
        break;
    }
  }
  if (fills.empty() && !constants.empty()) launch_of(kernel_for_constants());
  for (const Request* r : constants) fills.front().add(*r, entry_of_constant(*r, r->address % 16));
  for (Launch* launch : {&scatters, &masks}) {
    if (!launch->empty()) masking.push_back(std::move(*launch));
  }
}

}  // namespace fastinit
