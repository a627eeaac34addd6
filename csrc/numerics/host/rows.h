// Sums of multiples of rows in float64. An element depends on the elements of its own column alone, and each product
// and each sum is rounded, so the compiler may use vectors of any width and no bit depends on it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fastinit {

// x += factor y
inline void add_multiple(double* x, double factor, const double* y, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) x[i] += factor * y[i];
}

// Each of `count` rows of `sums` becomes the sum of `mixed` rows times weights, added to 0 in the order of the rows.
inline void mix_rows(const double* weights, const double* rows, double* sums, std::uint64_t count, std::uint64_t mixed,
                     std::uint64_t columns) {
  for (std::uint64_t i = 0; i < count; ++i) {
    double* const sum = sums + i * columns;
    std::fill_n(sum, columns, 0.0);
    for (std::uint64_t k = 0; k < mixed; ++k) add_multiple(sum, weights[i * mixed + k], rows + k * columns, columns);
  }
}

}  // namespace fastinit
