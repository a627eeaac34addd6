// Lists of types, for lists whose entries all back ends visit.
#pragma once

#include <cstdint>

namespace fastinit {

template <class T>
struct Type {
  using type = T;
};

template <class... T>
struct Types {
  static constexpr std::uint32_t size = sizeof...(T);
};

namespace {

// Calls visit(Type<T>{}) for the type T at `index`, if there is one.
template <class Visit, class... T>
void visit_type(Types<T...>, std::uint32_t index, const Visit& visit) {
  std::uint32_t at = 0;
  (void)((at++ == index && (visit(Type<T>{}), true)) || ...);
}

}  // namespace
}  // namespace fastinit
