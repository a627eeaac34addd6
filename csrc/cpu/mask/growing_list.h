// Growing lists of what kernels find: elements that a mask leaves, or keys of elements. They grow through a function
// pointer, so that the files of the instruction sets instantiate nothing of the standard library.
#pragma once

#include <cstdint>

namespace fastinit {

struct GrowingList {
  std::uint64_t* item;
  std::uint64_t size, capacity;
  void (*grow)(GrowingList& list);  // to a larger capacity; without memory, it empties the list and sets `failed`
  bool failed;
};

// The keys (numerics/masks.h) of those elements whose words lie in [first, last], and the number of smaller words.
struct KeyList {
  std::uint32_t first, last;
  std::uint64_t below;
  GrowingList keys;
};

}  // namespace fastinit
