// Elements of which only the size matters.
#pragma once

#include <cstdint>

namespace fastinit {
namespace {

// Calls act(T{}) for the unsigned integer T of an item's size.
template <class Act>
void with_item(std::uint32_t size, const Act& act) {
  switch (size) {
    case 1:
      return act(std::uint8_t{});
    case 2:
      return act(std::uint16_t{});
    case 4:
      return act(std::uint32_t{});
    default:
      return act(std::uint64_t{});
  }
}

}  // namespace
}  // namespace fastinit
