#include "cuda/fill.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "cpu/draws.inl"
#include "cuda/fill_kernels.h"
#include "cuda/runtime.h"
#include "cuda/staging.h"
#include "lanes/scalar.h"

namespace fastinit {
namespace {

constexpr std::uint32_t smallest_tile = fill_threads, largest_tile = 16 * fill_threads;  // in units
// So many tiles for each block, if there are: the blocks then end together.
constexpr std::uint64_t tiles_per_block = 4;

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
    default:
      return FillKind::constant;
  }
}

FillEntry entry_of(const Request& r) {
  FillEntry entry = {0, kind_of(r), 0, 0};
  if (entry.kind == FillKind::constant) {
    entry.units_in_row = entry.units = (r.address % 16 + r.count * r.item_size + 15) / 16;
    return entry;
  }
  const int last = static_cast<int>(r.rank) - 1;
  const std::uint64_t length = r.extent[last];
  // Elements of its first block before a row begins: where rows begin at different places in a block, as many as can
  // be.
  std::uint64_t skipped = r.offset % 4;
  for (int axis = 0; axis < last; ++axis)
    if (r.stride[axis] % 4 != 0) skipped = 3;
  entry.units_in_row = (skipped + length + 3) / 4;
  entry.units = r.count / length * entry.units_in_row;
  return entry;
}

// The requests that one launch fills.
struct Launch {
  const void* kernel;
  std::vector<FillEntry> entries;
  std::vector<const Request*> requests;
  std::uint64_t units = 0;
  std::uint32_t tile_units = smallest_tile, blocks = 0;

  explicit Launch(const void* function) : kernel(function) {}

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
    check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, fill_threads, 0),
               "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    const std::uint64_t most = std::uint64_t(multiprocessors) * std::max(resident, 1);
    while (tile_units < largest_tile && units / (2 * tile_units) >= tiles_per_block * most) tile_units *= 2;
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
            static_cast<std::uint32_t>(requests.size()), tile_units};
  }
};

// One launch for each kind of draw; constants join the first.
std::vector<Launch> launches_of(const Request* requests, std::size_t count) {
  std::map<const void*, std::size_t> index;
  std::vector<Launch> launches;
  std::vector<std::pair<const Request*, FillEntry>> constants;
  for (const Request* r = requests; r != requests + count; ++r) {
    if (r->count == 0) continue;
    const FillEntry entry = entry_of(*r);
    if (entry.kind == FillKind::constant) {
      constants.emplace_back(r, entry);
      continue;
    }
    const void* const kernel = fill_kernel_for(entry.kind, static_cast<Dtype>(r->dtype));
    const auto [at, is_new] = index.emplace(kernel, launches.size());
    if (is_new) launches.emplace_back(kernel);
    launches[at->second].add(*r, entry);
  }
  if (launches.empty() && !constants.empty()) launches.emplace_back(fill_kernel_for(FillKind::constant, float32));
  for (const auto& [request, entry] : constants) launches.front().add(*request, entry);
  return launches;
}

}  // namespace

void fill_on_cuda(const Request* requests, std::size_t count, int device, void* stream) {
  const CurrentDevice current(device);
  std::vector<Launch> launches = launches_of(requests, count);
  std::size_t size = 0;
  for (Launch& launch : launches) {
    launch.prepare(device);
    size += launch.size();
  }
  if (launches.empty()) return;
  Staging staging(size, stream);
  std::vector<FillTable> tables;
  std::size_t at = 0;
  for (const Launch& launch : launches) {
    tables.push_back(launch.write(static_cast<char*>(staging.host()) + at, static_cast<char*>(staging.device()) + at));
    at += launch.size();
  }
  staging.copy_to_device(size);
  for (std::size_t k = 0; k < launches.size(); ++k) {
    void* arguments[] = {&tables[k]};
    check_cuda(cudaLaunchKernel(launches[k].kernel, dim3(launches[k].blocks), dim3(fill_threads), arguments, 0,
                                static_cast<cudaStream_t>(stream)),
               "cudaLaunchKernel");
  }
}

}  // namespace fastinit
