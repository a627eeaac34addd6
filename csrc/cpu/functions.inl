// Functions of float64 values, for any lane type: the loop over an array.
#pragma once

#include <cstring>

#include "cpu/functions.h"
#include "numerics/functions.h"

namespace fastinit {
namespace {

template <class L, class Evaluate>
__attribute__((noinline)) void apply_to_all(double* values, std::uint64_t count, const Evaluate& evaluate) {
  constexpr std::uint64_t width = L::width64;
  std::uint64_t k = 0;
  for (; k + width <= count; k += width) L::store(values + k, evaluate(L::load(values + k)));
  if (k == count) return;
  double rest[width] = {};
  std::memcpy(rest, values + k, (count - k) * sizeof(double));
  L::store(rest, evaluate(L::load(rest)));
  std::memcpy(values + k, rest, (count - k) * sizeof(double));
}

template <class L>
void apply(Function function, [[maybe_unused]] double number, double* values, std::uint64_t count) {
  switch (function) {
#define FASTINIT_ARGUMENTS_false x
#define FASTINIT_ARGUMENTS_true x, number
#define FASTINIT_ROW(name, takes_number)  \
  case Function::name:                    \
    return apply_to_all<L>(values, count, \
                           [&](typename L::F64 x) { return fastinit::name<L>(FASTINIT_ARGUMENTS_##takes_number); });
    FASTINIT_FUNCTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
#undef FASTINIT_ARGUMENTS_true
#undef FASTINIT_ARGUMENTS_false
  }
}

}  // namespace
}  // namespace fastinit
