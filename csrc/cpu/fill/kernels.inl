// Fills, for any lane type: from a request to the loops over its elements. An action acts by sources (groups.inl).
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
  template <class L, class Source>
  void draw(const Source& source) const {
    const auto out = reinterpret_cast<typename Source::Item*>(request.address);
    for_each_run(request, begin, end, [&](std::uint64_t first, std::uint64_t count, std::uint64_t position) {
      fill_run<L>(source, first, count, out + position);
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
  template <class L, class Source>
  void draw(const Source& source) const {
    using Lanes = typename InFlightFour<L>::Lanes;
    gather_elements<Lanes>(source, flat, count, static_cast<typename Source::Item*>(out));
  }
};

// Calls action.draw with the source of a formula and a dtype.
template <class L, class Formula, class Element, class Action>
void draw_by(const Request& r, const Action& action) {
  const Stream stream = {r.seed, r.stream};
  if constexpr (Element::in_float64) {
    action.template draw<L>(Values64<Formula>{r.parameter, stream});
  } else {
    action.template draw<L>(Values32<Formula, Element>{r.parameter, stream});
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
