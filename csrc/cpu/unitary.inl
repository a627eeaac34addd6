// Unitary matrices, for any lane type: a strip of columns from its reflectors.
#pragma once

#include "numerics/unitary.h"

namespace fastinit {
namespace {

// Writes the pairs of the columns from `column` on, of which there are L::width64 or fewer, to an M x N array. `strip`
// has room for 2 M L::width64 numbers.
template <class L>
void unitary(const ComplexReflectors& r, std::uint64_t column, double* strip, double* out) {
  constexpr std::uint64_t width = L::width64;
  double *const real = strip, *const imaginary = strip + r.rows * width;
  unitary_strip<L>(r, column, real, imaginary);
  const std::uint64_t count = column + width < r.columns ? width : r.columns - column;
  for (std::uint64_t i = 0; i < r.rows; ++i) {
    for (std::uint64_t j = 0; j < count; ++j) {
      out[2 * (i * r.columns + column + j)] = real[i * width + j];
      out[2 * (i * r.columns + column + j) + 1] = imaginary[i * width + j];
    }
  }
}

}  // namespace
}  // namespace fastinit
