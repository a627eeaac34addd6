// A growing list of the elements that a mask keeps. The files of the instruction sets only see it grow through a
// pointer: nothing of the standard library may be compiled for one of them.
#pragma once

#include <cstdint>

namespace fastinit {

struct Kept {
  std::uint64_t* places = nullptr;  // in the part
  std::uint64_t size = 0, capacity = 0;
  void (*grow)(Kept& kept) = nullptr;  // to a larger capacity
};

}  // namespace fastinit
