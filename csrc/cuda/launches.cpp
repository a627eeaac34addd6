#include "cuda/launches.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <map>
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

// A request whose units are Philox blocks, row by row.
FillEntry entry_by_blocks(const Request& r, UnitKind kind) {
  const int last = static_cast<int>(r.rank) - 1;
  // Elements of its first block before a row begins; where rows begin at different elements of a block, the most.
  std::uint64_t skipped = r.offset % 4;
  for (int axis = 0; axis < last; ++axis) {
    if (r.stride[axis] % 4 != 0) skipped = 3;
  }
  const std::uint64_t units_in_row = (skipped + r.extent[last] + 3) / 4;
  return {0, kind, units_in_row, r.count / r.extent[last] * units_in_row};
}

FillEntry entry_of_constant(const Request& r) {
  return {0, UnitKind::constant, 0, (r.address % 16 + r.count * r.item_size + 15) / 16};
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
  entries_.push_back({static_cast<std::uint32_t>(tiles), UnitKind::constant, 0, 0});
  blocks_ = static_cast<std::uint32_t>(std::min(tiles, most));
}

FillTable Launch::write(char* host, char* device) const {
  const std::size_t size_of_entries = entries_.size() * sizeof(FillEntry);
  std::memcpy(host, entries_.data(), size_of_entries);
  auto* out = reinterpret_cast<Request*>(host + size_of_entries);
  for (const Request* request : requests_) std::memcpy(out++, request, sizeof(Request));
  return {reinterpret_cast<const FillEntry*>(device), reinterpret_cast<const Request*>(device + size_of_entries),
          static_cast<std::uint32_t>(requests_.size()), tile_units_, entries_.back().first_tile};
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
  if (fills.empty() && !constants.empty()) launch_of(fill_kernel(Distribution::normal, 0, Dtype::float32));
  for (const Request* r : constants) fills.front().add(*r, entry_of_constant(*r));
  for (Launch* launch : {&scatters, &masks}) {
    if (!launch->empty()) masking.push_back(std::move(*launch));
  }
}

}  // namespace fastinit
