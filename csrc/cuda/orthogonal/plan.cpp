#include "cuda/orthogonal/plan.h"

#include <cuda_runtime_api.h>

#include <algorithm>

#include "cuda/runtime.h"
#include "cuda/tuning.h"

namespace fastinit {
namespace {

// The most working memory, unless one matrix needs more: enough to keep a GPU busy, and half of what is free.
constexpr std::uint64_t enough_workspace = std::uint64_t(256) << 20;
// Two blocks of threads should fit into a multiprocessor of a large GPU.
constexpr std::uint64_t least_shared_memory = 4 << 10, most_shared_memory = 96 << 10;

std::uint64_t attribute(cudaDeviceAttr which, int device) {
  int value;
  check_cuda(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
  return static_cast<std::uint64_t>(value);
}

// The first index of the part on the axes of a role, and the last one.
std::pair<std::uint64_t, std::uint64_t> range_along(const Request& r, const OrthogonalShape& shape, AxisRole role) {
  std::uint64_t first = 0, last = 0, step = 1;
  for (std::uint64_t axis = r.rank; axis-- > 0;) {
    if (r.role[axis] != role) continue;
    first += shape.start[axis] * step;
    last += (shape.start[axis] + r.extent[axis] - 1) * step;
    step *= shape.whole[axis];
  }
  return {first, last};
}

// All matrices of a request, before they are divided among launches.
OrthogonalEntry entry_of(const Request& r) {
  OrthogonalEntry e{};
  e.request = r;
  orthogonal_shape(r, e.shape);
  const auto [first, last] = range_along(r, e.shape, e.shape.is_wide ? AxisRole::row : AxisRole::column);
  e.first_panel = first / panel_columns;
  e.last_panel = last / panel_columns;
  return e;
}

bool is_double(const OrthogonalEntry& entry) { return in_float64(entry.request.dtype); }

}  // namespace

void OrthogonalLaunch::add(OrthogonalEntry entry, std::uint64_t matrices, std::uint64_t tasks_of_matrix) {
  entry.first_task = tasks;
  entry.tasks = tasks_of_matrix;
  entries.push_back(entry);
  tasks += matrices * tasks_of_matrix;
}

void OrthogonalLaunch::prepare(int device) {
  OrthogonalEntry end{};
  end.first_task = tasks;
  entries.push_back(end);
  int resident;
  check_cuda(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, int(threads), shared_memory),
             "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  const std::uint64_t most = attribute(cudaDevAttrMultiProcessorCount, device) * std::max(resident, 1);
  blocks = static_cast<std::uint32_t>(std::min(tasks, most));
}

OrthogonalPlan::OrthogonalPlan(const std::vector<const Request*>& requests, int device)
    : most_shared_(std::min(most_shared_memory,
                            attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device) - small_static_memory)) {
  for (const bool wants_double : {false, true}) {
    kernels_ = orthogonal_kernels(wants_double);
    group_ = no_group;
    for (const Request* r : requests) {
      if (in_float64(r->dtype) != wants_double) continue;
      const OrthogonalEntry entry = entry_of(*r);
      if (entry.shape.matrices == 0) continue;
      const std::uint64_t item = wants_double ? sizeof(double) : sizeof(float);
      const std::uint64_t shared = small_size(entry.shape.rows, entry.shape.columns, item);
      const bool is_small = entry.shape.columns <= largest_small_columns && shared <= most_shared_;
      is_small ? add_small(entry, shared) : add_large(entry);
    }
  }
  for (OrthogonalLaunch& launch : launches) launch.prepare(device);
}

void OrthogonalPlan::add_small(const OrthogonalEntry& entry, std::uint64_t shared_memory) {
  std::uint64_t most = least_shared_memory;
  while (most < shared_memory) most *= 2;
  most = std::min(most, most_shared_);
  const auto [at, is_new] = small_.emplace(std::pair(kernels_.small, most), launches.size());
  if (is_new) {
    // The largest amount, for all launches: the attribute belongs to the kernel and keeps the last value that was set.
    check_cuda(cudaFuncSetAttribute(kernels_.small, cudaFuncAttributeMaxDynamicSharedMemorySize, int(most_shared_)),
               "cudaFuncSetAttribute");
    launches.emplace_back(kernels_.small, small_threads, most);
  }
  launches[at->second].add(entry, entry.shape.matrices, 1);
}

void OrthogonalPlan::add_large(OrthogonalEntry entry) {
  entry.workspace_size = is_double(entry) ? workspace_of<double>(entry).size * sizeof(double)
                                          : workspace_of<float>(entry).size * sizeof(float);
  for (std::uint64_t left = entry.shape.matrices; left > 0;) {
    if (group_ == no_group || used_ + entry.workspace_size > most_workspace_) begin_group();
    const std::uint64_t fitting = std::max<std::uint64_t>((most_workspace_ - used_) / entry.workspace_size, 1);
    const std::uint64_t taken = std::min(left, fitting);
    entry.workspace = used_;
    launches[group_].add(entry, taken, blocks_of(entry));
    launches[group_ + 1].add(entry, taken, entry.last_panel - entry.first_panel + 1);
    used_ += taken * entry.workspace_size;
    workspace = std::max(workspace, used_);
    entry.first_matrix += taken;
    left -= taken;
  }
}

void OrthogonalPlan::begin_group() {
  if (most_workspace_ == 0) most_workspace_ = std::min(enough_workspace, free_memory() / 2);
  group_ = launches.size();
  launches.emplace_back(kernels_.reflectors, reflector_threads, 0);
  launches.emplace_back(kernels_.panels, panel_threads, 0);
  used_ = 0;
}

}  // namespace fastinit
