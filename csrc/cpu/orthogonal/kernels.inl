// The kernels for orthogonal matrices, for any lane type: from the dtype to its precision.
#pragma once

#include <type_traits>

#include "cpu/orthogonal/panels.inl"
#include "cpu/orthogonal/reflectors.inl"

namespace fastinit {
namespace {

template <class L>
void build_reflectors(const Reflectors& q, std::uint64_t strip, void* scratch) {
  q.in_float64 ? StripBuilder<L, double>(q, strip, scratch).build() : StripBuilder<L, float>(q, strip, scratch).build();
}

template <class L, class T>
void apply_in(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
              InterruptFlag& flag) {
  PanelProduct<L, T> panel(q, begin, end, scratch);
  if (!panel.apply(flag)) return;
  visit_dtype(target.dtype, [&](auto element) {
    using Element = typename decltype(element)::type;
    if constexpr (holds_matrices<Element> && Element::in_float64 == std::is_same_v<T, double>) {
      write_panel<L, T, Element>(panel, q, begin, end, target);
    }
  });
}

template <class L>
void apply_reflectors(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
                      InterruptFlag& flag) {
  q.in_float64 ? apply_in<L, double>(q, begin, end, scratch, target, flag)
               : apply_in<L, float>(q, begin, end, scratch, target, flag);
}

}  // namespace
}  // namespace fastinit
