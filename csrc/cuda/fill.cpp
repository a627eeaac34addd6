#include "cuda/fill.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "numerics/distributions.h"
#include "request/samples.h"
#include "cuda/fill/kernels.h"
#include "cuda/orthogonal/matrices.h"
#include "cuda/runtime.h"
#include "cuda/staging.h"
#include "lanes/scalar.h"

namespace fastinit {
namespace {

constexpr std::uint32_t largest_tile = 16 * fill_threads;  // in units
// So many tiles for each block, if there are: the blocks then end together.
constexpr std::uint64_t tiles_per_block = 4;

// Whether columns lie four by four in Philox blocks, all the way down.
bool has_columns_by_four(const Request& r) {
  const int last = static_cast<int>(r.rank) - 1;
  bool by_four = r.offset % 4 == 0 && r.extent[last] % 4 == 0;
  for (int axis = 0; axis < last; ++axis) by_four = by_four && r.stride[axis] % 4 == 0;
  return by_four;
}

// Philox blocks that a row of a fill touches.
std::uint64_t units_in_row_of(const Request& r) {
  const int last = static_cast<int>(r.rank) - 1;
  // Elements of its first block before a row begins: where rows begin at different places in a block, as many as can
  // be.
  std::uint64_t skipped = r.offset % 4;
  for (int axis = 0; axis < last; ++axis)
    if (r.stride[axis] % 4 != 0) skipped = 3;
  return (skipped + r.extent[last] + 3) / 4;
}

FillKind kind_of(const Request& r) {
  switch (r.distribution) {
    case uniform_distribution: {
      const bool clamps =
          r.dtype == float64 ? leaves_bounds<Words64<ScalarLanes>>(r) : leaves_bounds<Words32<ScalarLanes>>(r);
      return clamps ? FillKind::clamped_uniform : FillKind::uniform;
    }
    case normal_distribution:
      return FillKind::normal;
    case truncated:
      switch (static_cast<Cut>(r.cut)) {
        case Cut::centre:
          return FillKind::truncated_centre;
        case Cut::wide_symmetric:
          return FillKind::truncated_wide_symmetric;
        case Cut::wide:
          return FillKind::truncated_wide;
        default:
          return FillKind::truncated_tail;
      }
    case scatter:
      return FillKind::scatter;
    case bernoulli:
      return FillKind::mask_elements;
    case subset:
      if (r.step[r.rank - 1] != 0) return FillKind::mask_rows;
      return has_columns_by_four(r) ? FillKind::mask_four_columns : FillKind::mask_columns;
    default:
      return FillKind::constant;
  }
}

FillEntry entry_of(const Request& r) {
  const FillKind kind = kind_of(r);
  switch (kind) {
    case FillKind::constant:
      return {0, kind, 0, (r.address % 16 + r.count * r.item_size + 15) / 16};
    case FillKind::scatter:
      return {0, kind, 0, r.count};
    case FillKind::mask_columns:
    case FillKind::mask_rows:
      return {0, kind, 0, columns_of(r)};
    case FillKind::mask_four_columns:
      return {0, kind, 0, columns_of(r) / 4};
    default:
      return {0, kind, units_in_row_of(r), r.count / r.extent[r.rank - 1] * units_in_row_of(r)};
  }
}
// The requests that one launch fills.
struct Launch {
  const void* kernel;
  std::uint32_t threads;
  std::vector<FillEntry> entries;
  std::vector<const Request*> requests;
  std::uint64_t units = 0;
  std::uint32_t tile_units, blocks = 0;

  Launch(const void* function, std::uint32_t threads_of_block)
      : kernel(function), threads(threads_of_block), tile_units(threads_of_block) {}

  void add(const Request& request, const FillEntry& entry) {
    requests.push_back(&request);
    entries.push_back(entry);
    units += entry.units;
  }

  // Chooses the tiles and the grid for a device; values depend on neither.
  void prepare(int device) {
    int multiprocessors, resident;
    check_cuda(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device),
               "cudaDeviceGetAttribute");
    check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, static_cast<int>(threads), 0),
               "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    const std::uint64_t most = std::uint64_t(multiprocessors) * std::max(resident, 1);
    const std::uint32_t largest = threads == fill_threads ? largest_tile : threads;
    while (tile_units < largest && units / (2 * tile_units) >= tiles_per_block * most) tile_units *= 2;
    std::uint64_t tiles = 0;
    for (FillEntry& entry : entries) {
      entry.first_tile = static_cast<std::uint32_t>(tiles);
      tiles += (entry.units + tile_units - 1) / tile_units;
    }
    entries.push_back({static_cast<std::uint32_t>(tiles), FillKind::constant, 0, 0});
    blocks = static_cast<std::uint32_t>(std::min(tiles, most));
  }

  std::size_t size() const { return entries.size() * sizeof(FillEntry) + requests.size() * sizeof(Request); }

  // Writes the table to `host`, as it will stand at `device`.
  FillTable write(char* host, char* device) const {
    const std::size_t size_of_entries = entries.size() * sizeof(FillEntry);
    std::memcpy(host, entries.data(), size_of_entries);
    auto* out = reinterpret_cast<Request*>(host + size_of_entries);
    for (const Request* request : requests) std::memcpy(out++, request, sizeof(Request));
    return {reinterpret_cast<const FillEntry*>(device), reinterpret_cast<const Request*>(device + size_of_entries),
            static_cast<std::uint32_t>(requests.size()), tile_units, entries.back().first_tile};
  }
};

// In the order in which they run: one launch for each kind of draw, which constants join; what is scattered over the
// fills; masks.
std::vector<Launch> launches_of(const Request* requests, std::size_t count) {
  std::map<const void*, std::size_t> index;
  std::vector<Launch> launches;
  Launch scatters(overlay_kernel_address(), overlay_threads), masks(overlay_kernel_address(), overlay_threads);
  std::vector<std::pair<const Request*, FillEntry>> constants;
  for (const Request* r = requests; r != requests + count; ++r) {
    if (r->count == 0 || r->distribution == orthogonal) continue;
    const FillEntry entry = entry_of(*r);
    if (entry.kind == FillKind::constant) {
      constants.emplace_back(r, entry);
    } else if (entry.kind == FillKind::scatter) {
      scatters.add(*r, entry);
    } else if (entry.kind > FillKind::scatter) {
      masks.add(*r, entry);
    } else {
      const void* const kernel = fill_kernel_for(entry.kind, static_cast<Dtype>(r->dtype));
      const auto [at, is_new] = index.emplace(kernel, launches.size());
      if (is_new) launches.emplace_back(kernel, fill_threads);
      launches[at->second].add(*r, entry);
    }
  }
  if (launches.empty() && !constants.empty())
    launches.emplace_back(fill_kernel_for(FillKind::constant, float32), fill_threads);
  for (const auto& [request, entry] : constants) launches.front().add(*request, entry);
  for (Launch* overlay : {&scatters, &masks})
    if (!overlay->requests.empty()) launches.push_back(std::move(*overlay));
  return launches;
}

}  // namespace

void fill_on_cuda(const Request* requests, std::size_t count, int device, void* stream) {
  const CurrentDevice current(device);
  refuse_capture(stream);  // tables are lent to each call: a graph that is replayed would read another call's
  std::vector<Launch> launches = launches_of(requests, count);
  std::size_t size = 0;
  for (Launch& launch : launches) {
    launch.prepare(device);
    size += launch.size();
  }
  OrthogonalQueue orthogonal(requests, count, device, stream);
  Staging staging(size, stream);
  std::vector<FillTable> tables;
  std::size_t at = 0;
  for (const Launch& launch : launches) {
    tables.push_back(launch.write(static_cast<char*>(staging.host()) + at, static_cast<char*>(staging.device()) + at));
    at += launch.size();
  }
  staging.copy_to_device(size);
  bool matrices_are_queued = false;
  for (std::size_t k = 0; k < launches.size(); ++k) {
    if (launches[k].kernel == overlay_kernel_address() && !matrices_are_queued) {
      orthogonal.queue();
      matrices_are_queued = true;
    }
    void* arguments[] = {&tables[k]};
    check_cuda(cudaLaunchKernel(launches[k].kernel, dim3(launches[k].blocks), dim3(launches[k].threads), arguments, 0,
                                static_cast<cudaStream_t>(stream)),
               "cudaLaunchKernel");
  }
  if (!matrices_are_queued) orthogonal.queue();
}

}  // namespace fastinit
