// The one list of the dtypes of drawn values. A new dtype is a row here and a type in numerics/narrow.h; kernels,
// validity, bindings and Python follow from the list.
#pragma once

#include <cstdint>
#include <string_view>

#include "numerics/narrow.h"
#include "numerics/type_list.h"

namespace fastinit {

// ROW(name in NumPy and ml_dtypes, its type in numerics/narrow.h)
#define FASTINIT_DTYPES(ROW)       \
  ROW(float64, Float64)            \
  ROW(float32, Float32)            \
  ROW(float16, Float16)            \
  ROW(bfloat16, BFloat16)          \
  ROW(float8_e4m3fn, Float8E4M3FN) \
  ROW(float8_e5m2, Float8E5M2)

enum class Dtype : std::uint32_t {
#define FASTINIT_ROW(name, Element) name,
  FASTINIT_DTYPES(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Their names, in the order of their codes.
constexpr std::string_view dtype_names[] = {
#define FASTINIT_ROW(name, Element) #name,
    FASTINIT_DTYPES(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Orthogonal matrices need more precision than 8 bits have.
template <class Element>
constexpr bool holds_matrices = sizeof(typename Element::Item) > 1;

namespace {

// Calls visit(Type<Element>{}) for the type of a dtype in numerics/narrow.h.
template <class Visit>
auto visit_dtype(Dtype dtype, const Visit& visit) {
  switch (dtype) {
#define FASTINIT_ROW(name, Element) \
  case Dtype::name:                 \
    return visit(Type<Element>{});
    FASTINIT_DTYPES(FASTINIT_ROW)
#undef FASTINIT_ROW
  }
  __builtin_unreachable();
}

inline bool in_float64(Dtype dtype) {
  return visit_dtype(dtype, [](auto element) { return decltype(element)::type::in_float64; });
}

}  // namespace
}  // namespace fastinit
