// A growing list of the elements that a mask leaves. It grows through a function pointer, so that the files of the
// instruction sets instantiate nothing of the standard library.
#pragma once

#include <cstdint>

namespace fastinit {

struct NonzeroList {
  std::uint64_t* index;  // of each element, in the part
  std::uint64_t size, capacity;
  void (*grow)(NonzeroList& list);  // to a larger capacity; without memory, it empties the list and sets `failed`
  bool failed;
};

}  // namespace fastinit
