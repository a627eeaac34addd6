// The one list of distributions. A new one is a row here and a header in numerics/ with its formula and parameters;
// kernels, validity, bindings and Python follow from the list.
#pragma once

#include <cstdint>
#include <string_view>

#include "numerics/distributions.h"
#include "numerics/log_uniform.h"
#include "numerics/ternary.h"

namespace fastinit {

// What a request does to its memory, and hence which of its fields count (request/request.h).
enum class RequestClass : std::uint32_t {
  fill,    // writes every element of the part: a constant, or values that are drawn independently
  matrix,  // writes matrices whose elements depend on each other
  mask,    // writes zeros to some elements, and leaves the others
  scatter  // writes a constant to elements that lie apart
};

// ROW(name, class, parameters and formulas in numerics/): Formulas<n> has parameters and no formula.
#define FASTINIT_DISTRIBUTIONS(ROW)                        \
  ROW(constant, fill, Formulas<0>)                         \
  ROW(uniform, fill, UniformDistribution)                  \
  ROW(log_uniform, fill, LogUniformDistribution)           \
  ROW(ternary, fill, TernaryDistribution)                  \
  ROW(normal, fill, NormalDistribution)                    \
  ROW(truncated_normal, fill, TruncatedNormalDistribution) \
  ROW(orthogonal, matrix, Formulas<1>) /* gain */          \
  ROW(exact_count_mask, mask, Formulas<0>)                 \
  ROW(bernoulli_mask, mask, Formulas<0>)                   \
  ROW(block_mask, mask, Formulas<0>)                       \
  ROW(scatter, scatter, Formulas<0>)

enum class Distribution : std::uint32_t {
#define FASTINIT_ROW(name, request_class, Numbers) name,
  FASTINIT_DISTRIBUTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Their names, in the order of their codes.
constexpr std::string_view distribution_names[] = {
#define FASTINIT_ROW(name, request_class, Numbers) #name,
    FASTINIT_DISTRIBUTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
};

template <RequestClass of_request, class OfDistribution>
struct DistributionRow {
  static constexpr RequestClass request_class = of_request;
  using Numbers = OfDistribution;
};

namespace {

// Calls visit(row) for the row of a distribution, a DistributionRow.
template <class Visit>
auto visit_distribution(Distribution distribution, const Visit& visit) {
  switch (distribution) {
#define FASTINIT_ROW(name, request_class, Numbers) \
  case Distribution::name:                         \
    return visit(DistributionRow<RequestClass::request_class, Numbers>{});
    FASTINIT_DISTRIBUTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
  }
  __builtin_unreachable();
}

inline RequestClass class_of(Distribution distribution) {
  return visit_distribution(distribution, [](auto row) { return decltype(row)::request_class; });
}

}  // namespace
}  // namespace fastinit
