// Fills, for any lane type: from a request to the loops over its elements. An action acts by groups (groups.inl).
#pragma once

#include "cpu/fill/groups.inl"
#include "cpu/items.inl"
#include "cpu/runs.inl"
#include "lanes/scalar.h"
#include "request/request.h"

namespace fastinit {
namespace {

// Writes the elements [begin, end) of the part.
struct FillPart {
  const Request& request;
  std::uint64_t begin, end;
  void constants() const {
    with_item(request.item_size, [&](auto item) {
      using Item = decltype(item);
      const auto out = reinterpret_cast<Item*>(request.address);
      const auto value = static_cast<Item>(request.pattern);
      for (std::uint64_t k = begin; k < end; ++k) out[k] = value;
    });
  }
  template <class Groups>
  void draw(const Groups& groups) const {
    const auto out = reinterpret_cast<typename Groups::Item*>(request.address);
    for_each_run(request, begin, end, [&](std::uint64_t first, std::uint64_t count, std::uint64_t position) {
      fill_run(groups, first, count, out + position);
    });
  }
};

// Writes the elements with some flat indices, one after the other.
struct Gather {
  const Request& request;
  const std::uint64_t* flat;
  std::uint64_t count;
  void* out;
  void constants() const {
    with_item(request.item_size, [&](auto item) {
      using Item = decltype(item);
      const auto value = static_cast<Item>(request.pattern);
      for (std::uint64_t k = 0; k < count; ++k) static_cast<Item*>(out)[k] = value;
    });
  }
  template <class Groups>
  void draw(const Groups& groups) const {
    gather_elements(groups, flat, count, static_cast<typename Groups::Item*>(out));
  }
};

// Calls action.draw with the groups of a formula and a dtype. Each is a function of its own, since compilers allocate
// registers better in a small one.
template <class L, class Formula, class Element, class Action>
__attribute__((noinline)) void draw_by(const Request& r, const Action& action) {
  const Stream stream = {r.seed, r.stream};
  if constexpr (Element::in_float64) {
    using Draw = typename Formula::template Draw<Precision64<L>>;
    const Groups64<L, Draw> groups = {Formula::template prepare<Precision64<L>>(r.parameter), stream};
    action.draw(groups);
  } else {
    using Draw = typename Formula::template Draw<Precision32<L>>;
    const Groups32<L, Draw, Element> groups = {Formula::template prepare<Precision32<L>>(r.parameter), stream};
    action.draw(groups);
  }
}

template <class L, class Action>
void act(const Request& r, const Action& action) {
  visit_distribution(r.distribution, [&](auto row) {
    using Numbers = typename decltype(row)::Numbers;
    if constexpr (decltype(row)::request_class != RequestClass::fill) {
      return;
    } else if constexpr (Numbers::List::size == 0) {
      action.constants();
    } else {
      const std::uint32_t index = Numbers::template choose<ScalarLanes>(r.formula, r.parameter, in_float64(r.dtype));
      visit_type(typename Numbers::List{}, index, [&](auto formula) {
        visit_dtype(r.dtype, [&](auto element) {
          draw_by<L, typename decltype(formula)::type, typename decltype(element)::type>(r, action);
        });
      });
    }
  });
}

template <class L>
void fill(const Request& r, std::uint64_t begin, std::uint64_t end) {
  act<L>(r, FillPart{r, begin, end});
}

template <class L>
void gather(const Request& r, const std::uint64_t* flat, std::uint64_t count, void* out) {
  act<L>(r, Gather{r, flat, count, out});
}

}  // namespace
}  // namespace fastinit
