// Eigenvalues and eigenvectors of a real symmetric matrix in float64: Householder's reduction to a tridiagonal matrix,
// and the implicit QL method (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3).
//
// Every number is +, -, *, / or a square root of others. Sums have eight terms apart in eight chains, which are added
// in a tree, so the compiler may use vectors of any width up to that and no bit depends on it.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "numerics/host/rows.h"

namespace fastinit {

inline double dot_in_chains(const double* x, const double* y, std::uint64_t count) {
  double chain[8] = {};
  std::uint64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; ++j) chain[j] += x[i + j] * y[i + j];
  }
  for (int j = 0; i < count; ++i, ++j) chain[j] += x[i] * y[i];
  return ((chain[0] + chain[4]) + (chain[2] + chain[6])) + ((chain[1] + chain[5]) + (chain[3] + chain[7]));
}

// A tridiagonal matrix, and the reflectors I - factor v v' that led to it, v of reflector k in a[k n + k + 1, ...].
struct Tridiagonal {
  std::vector<double> diagonal, beside, factors;  // beside[k] is at (k, k + 1) and (k + 1, k)
};

// Replaces a symmetric matrix of n rows by the vectors of the reflectors.
inline Tridiagonal tridiagonal_of(double* a, std::uint64_t n) {
  Tridiagonal t{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n)};
  std::vector<double> p(n);
  for (std::uint64_t k = 0; k + 1 < n; ++k) {
    const std::uint64_t m = n - k - 1;  // rows and columns of the rest
    double* const v = a + k * n + k + 1;
    const double norm = std::sqrt(dot_in_chains(v, v, m)), turned = v[0] < 0 ? norm : -norm;
    t.beside[k] = turned;
    v[0] -= turned;
    const double squares = dot_in_chains(v, v, m), factor = squares > 0 ? 2 / squares : 0;
    t.factors[k] = factor;
    for (std::uint64_t i = 0; i < m; ++i) p[i] = factor * dot_in_chains(a + (k + 1 + i) * n + k + 1, v, m);
    add_multiple(p.data(), -0.5 * factor * dot_in_chains(v, p.data(), m), v, m);
    for (std::uint64_t i = 0; i < m; ++i) {
      double* const row = a + (k + 1 + i) * n + k + 1;
      const double left = v[i], right = p[i];
      for (std::uint64_t j = 0; j < m; ++j) row[j] -= left * p[j] + right * v[j];
    }
  }
  for (std::uint64_t k = 0; k < n; ++k) t.diagonal[k] = a[k * n + k];
  return t;
}

// Replaces the vectors of the reflectors by the transposed product of the reflectors.
inline void transposed_product(double* a, const Tridiagonal& t, std::uint64_t n) {
  std::vector<double> v(n);
  for (std::uint64_t k = n; k-- > 0;) {
    double* const own = a + k * n;
    const std::uint64_t m = n - k - 1;
    for (std::uint64_t i = 0; i < m; ++i) v[i] = own[k + 1 + i];
    for (std::uint64_t i = k; i < n; ++i) own[i] = i == k ? 1 : 0;
    for (std::uint64_t i = k + 1; i < n; ++i) {
      double* const row = a + i * n + k + 1;
      a[i * n + k] = 0;
      add_multiple(row, -t.factors[k] * dot_in_chains(row, v.data(), m), v.data(), m);
    }
  }
}

// Rotations of neighboring rows, which are applied many at a time to few columns, so that these stay in a cache.
class Rotations {
 public:
  Rotations(double* a, std::uint64_t n) : a_(a), n_(n) { kept_.reserve(most + n); }

  // Row i becomes c row_i - s row_(i + 1), and row i + 1 becomes s row_i + c row_(i + 1).
  void add(std::uint64_t i, double c, double s) { kept_.push_back({i, c, s}); }

  bool are_many() const { return kept_.size() >= most; }

  void apply() {
    for (std::uint64_t first = 0; first < n_; first += columns) {
      const std::uint64_t count = n_ - first < columns ? n_ - first : columns;
      for (const Rotation& each : kept_) {
        double *const upper = a_ + each.row * n_ + first, *const lower = upper + n_;
        const double c = each.c, s = each.s;
        for (std::uint64_t j = 0; j < count; ++j) {
          const double x = upper[j], y = lower[j];
          upper[j] = c * x - s * y;
          lower[j] = s * x + c * y;
        }
      }
    }
    kept_.clear();
  }

 private:
  struct Rotation {
    std::uint64_t row;
    double c, s;
  };
  static constexpr std::uint64_t most = 16384, columns = 32;
  double* a_;
  std::uint64_t n_;
  std::vector<Rotation> kept_;
};

// Replaces the rows of a, a symmetric matrix of n rows, by eigenvectors; `values` gets their eigenvalues, in no order.
// False if the method does not converge, which only matrices that are not finite have shown.
template <class Interrupted>
bool make_eigenvectors(double* a, double* values, std::uint64_t n, const Interrupted& interrupted, bool& stopped) {
  constexpr double epsilon = 0x1p-52;
  constexpr int most_sweeps = 60;
  Tridiagonal t = tridiagonal_of(a, n);
  transposed_product(a, t, n);
  Rotations rotations(a, n);
  double *const d = t.diagonal.data(), *const e = t.beside.data();
  for (std::uint64_t l = 0; l < n; ++l) {
    for (int sweep = 0;; ++sweep) {
      std::uint64_t m = l;
      while (m + 1 < n && std::fabs(e[m]) > epsilon * (std::fabs(d[m]) + std::fabs(d[m + 1]))) ++m;
      if (m == l) break;
      if (sweep == most_sweeps) return false;
      const double half = (d[l + 1] - d[l]) / (2 * e[l]), root = std::sqrt(half * half + 1);
      double g = d[m] - d[l] + e[l] / (half < 0 ? half - root : half + root), c = 1, s = 1, p = 0;
      std::uint64_t i = m;
      while (i > l) {
        --i;
        const double f = s * e[i], b = c * e[i], r = std::sqrt(f * f + g * g);
        e[i + 1] = r;
        if (r == 0) {  // the matrix has come apart here
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        const double q = (d[i] - g) * s + 2 * c * b;
        p = s * q;
        d[i + 1] = g + p;
        g = c * q - b;
        rotations.add(i, c, s);
        if (i == l) {
          d[l] -= p;
          e[l] = g;
          e[m] = 0;
        }
      }
      if (rotations.are_many()) {
        rotations.apply();
        stopped = interrupted();
        if (stopped) return true;
      }
    }
  }
  rotations.apply();
  for (std::uint64_t k = 0; k < n; ++k) values[k] = d[k];
  return true;
}

}  // namespace fastinit
