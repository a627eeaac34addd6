// The kernel that writes the table of a launch by keys, as what cudaLaunchKernel takes.
#pragma once

#include "cuda/keyed/fill.h"
#include "cuda/table.h"

namespace fastinit {

// The argument of the kernel: a request, and the table in which every array has it with its own key.
struct KeyedTable {
  FillEntry* entries;  // one more than there are arrays
  Request* requests;
  FillEntry entry;      // of each array but for its first tile
  std::uint32_t tiles;  // of each array
  Request request;
  KeyedArrays arrays;
};

constexpr unsigned keyed_threads = 64;

const void* keyed_kernel();

}  // namespace fastinit
