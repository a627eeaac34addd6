// How the orthogonal matrices of a list of requests become launches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "cuda/orthogonal/kernels.h"
#include "cuda/orthogonal/table.h"

namespace fastinit {

// The matrices that one launch serves.
struct OrthogonalLaunch {
  const void* kernel;
  unsigned threads;
  std::size_t shared_memory;  // dynamic, of a block
  std::vector<OrthogonalEntry> entries;
  std::uint64_t tasks = 0;
  std::uint32_t blocks = 0;

  OrthogonalLaunch(const void* function, unsigned threads_of_block, std::size_t shared)
      : kernel(function), threads(threads_of_block), shared_memory(shared) {}

  void add(OrthogonalEntry entry, std::uint64_t matrices, std::uint64_t tasks_of_matrix);
  void prepare(int device);  // ends the table and chooses the grid
  std::size_t size() const { return entries.size() * sizeof(OrthogonalEntry); }
};

// Small matrices are launched by the shared memory that they need. The others form groups that run one after another
// and share the working memory.
class OrthogonalPlan {
 public:
  OrthogonalPlan(const std::vector<const Request*>& requests, int device);

  std::vector<OrthogonalLaunch> launches;  // in order
  std::uint64_t workspace = 0;             // bytes

 private:
  void add_small(const OrthogonalEntry& entry, std::uint64_t shared_memory);
  void add_large(OrthogonalEntry entry);
  void begin_group();

  const std::uint64_t most_shared_;
  std::uint64_t most_workspace_ = 0;  // 0 until it is needed
  OrthogonalKernels kernels_;
  std::map<std::pair<const void*, std::uint64_t>, std::size_t> small_;  // launches by kernel and shared memory
  static constexpr std::size_t no_group = ~std::size_t(0);
  std::size_t group_ = no_group;  // the first of its two launches
  std::uint64_t used_ = 0;        // bytes of the working memory that the group uses
};

}  // namespace fastinit
