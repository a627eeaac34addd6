// A growing list of the elements that a mask keeps. The files of the instruction sets only see it grow through a
// pointer: nothing of the standard library may be compiled for one of them.
#pragma once

#include <cstdint>

namespace fastinit {

struct Kept {
  std::uint64_t* places;  // in the part
  std::uint64_t size, capacity;
  void (*grow)(Kept& kept);  // to a larger capacity; where there is no memory, it empties the list and marks it
  bool failed;
};

}  // namespace fastinit
