// Functions of numerics/functions.h over arrays of float64 values.
#pragma once

#include <cstdint>
#include <string_view>

namespace fastinit {

// ROW(name, whether it takes a number): the functions by their names in numerics/functions.h.
#define FASTINIT_FUNCTIONS(ROW) \
  ROW(exp, false)               \
  ROW(expm1, false)             \
  ROW(log, false)               \
  ROW(log1p, false)             \
  ROW(sin, false)               \
  ROW(cos, false)               \
  ROW(tanh, false)              \
  ROW(inverse_softplus, false)  \
  ROW(power, true)              \
  ROW(exponential_to_base, true)

enum class Function : std::uint32_t {
#define FASTINIT_ROW(name, takes_number) name,
  FASTINIT_FUNCTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Their names, in the order of their codes.
constexpr std::string_view function_names[] = {
#define FASTINIT_ROW(name, takes_number) #name,
    FASTINIT_FUNCTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Replaces each value by that of the function, in at most thread_count() threads. `number` counts for functions that
// take one.
void apply(Function function, double number, double* values, std::uint64_t count);

}  // namespace fastinit
