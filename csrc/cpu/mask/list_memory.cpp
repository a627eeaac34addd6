#include "cpu/mask/list_memory.h"

#include <algorithm>
#include <cstdlib>

namespace fastinit {
namespace {

constexpr std::uint64_t smallest_list = 1024;

// Called between the kernels' loops, on any thread, where nothing may be thrown.
void grow(GrowingList& list) {
  const std::uint64_t capacity = std::max(smallest_list, list.capacity + list.capacity / 2);
  void* const memory = std::realloc(list.item, capacity * sizeof *list.item);
  if (!memory) {
    list.failed = true;
    list.size = 0;
    return;
  }
  list.item = static_cast<std::uint64_t*>(memory);
  list.capacity = capacity;
}

}  // namespace

GrowingList empty_list() { return {nullptr, 0, 0, grow, false}; }

void free_list(const GrowingList& list) { std::free(list.item); }

}  // namespace fastinit
