// Unitary matrices with the Haar distribution by Stewart's method, as in orthogonal.h, with complex reflectors in
// float64: Q = H_0 H_1 ... H_(N-1) D, H_k = I - tau_k v_k v_k^*, D a diagonal of phases on top of zeros.
//
// Column k of z below its diagonal is x_k. With the phase p = x_k[k] / |x_k[k]| (1 for 0), v_k[k] = x_k[k] + p |x_k|,
// tau_k = 2 / |v_k|^2 and D_k = -p. If x_k = 0, tau_k = 0 and D_k = 1. Every sum is one chain of fma in increasing
// order of its index, the product of the real parts (or of real and imaginary part) before the other one.
#pragma once

#include "lanes/scalar.h"

namespace fastinit {

// The reflectors of an M x N matrix, M >= N: real and imaginary parts of v, column after column, with M rows each.
struct ComplexReflectors {
  std::uint64_t rows, columns;
  double *real, *imaginary;  // of v
  double *tau, *phase;       // N numbers, and N pairs: D
};

// Reflector k from the pairs z[i N + k].
FASTINIT_INLINE void make_reflector(const double* z, std::uint64_t k, const ComplexReflectors& r) {
  using S = ScalarLanes;
  double *const re = r.real + k * r.rows, *const im = r.imaginary + k * r.rows;
  double tail = 0;
  for (std::uint64_t i = k; i < r.rows; ++i) {
    re[i] = z[2 * (i * r.columns + k)];
    im[i] = z[2 * (i * r.columns + k) + 1];
    if (i > k) tail = S::fma(im[i], im[i], S::fma(re[i], re[i], tail));
  }
  const double first = S::fma(im[k], im[k], S::fma(re[k], re[k], 0.0));
  const double modulus = S::sqrt(first), norm = S::sqrt(first + tail);
  const double phase_re = modulus > 0 ? re[k] / modulus : 1, phase_im = modulus > 0 ? im[k] / modulus : 0;
  re[k] = S::fma(phase_re, norm, re[k]);
  im[k] = S::fma(phase_im, norm, im[k]);
  const double squares = S::fma(im[k], im[k], S::fma(re[k], re[k], tail));
  r.tau[k] = squares > 0 ? 2 / squares : 0;
  r.phase[2 * k] = squares > 0 ? -phase_re : 1;
  r.phase[2 * k + 1] = squares > 0 ? -phase_im : 0;
}

// The columns [column, column + L::width64) of the matrix, M rows of them in a: real parts, then imaginary parts.
template <class L>
FASTINIT_INLINE void unitary_strip(const ComplexReflectors& r, std::uint64_t column, double* real, double* imaginary) {
  using F64 = typename L::F64;
  constexpr std::uint64_t width = L::width64;
  for (std::uint64_t i = 0; i < r.rows * width; ++i) real[i] = imaginary[i] = 0;
  const std::uint64_t end = column + width < r.columns ? column + width : r.columns;
  for (std::uint64_t k = end; k-- > 0;) {
    if (k >= column) {
      real[k * width + (k - column)] = r.phase[2 * k];
      imaginary[k * width + (k - column)] = r.phase[2 * k + 1];
    }
    const double *const v_re = r.real + k * r.rows, *const v_im = r.imaginary + k * r.rows;
    F64 w_re = L::f64(0), w_im = L::f64(0);
    for (std::uint64_t i = k; i < r.rows; ++i) {
      const F64 re = L::load(real + i * width), im = L::load(imaginary + i * width);
      w_re = L::fma(L::f64(v_im[i]), im, L::fma(L::f64(v_re[i]), re, w_re));
      w_im = L::fma(L::f64(-v_im[i]), re, L::fma(L::f64(v_re[i]), im, w_im));
    }
    const F64 y_re = w_re * L::f64(-r.tau[k]), y_im = w_im * L::f64(-r.tau[k]);
    for (std::uint64_t i = k; i < r.rows; ++i) {
      const F64 re = L::load(real + i * width), im = L::load(imaginary + i * width);
      L::store(real + i * width, L::fma(L::f64(-v_im[i]), y_im, L::fma(L::f64(v_re[i]), y_re, re)));
      L::store(imaginary + i * width, L::fma(L::f64(v_im[i]), y_re, L::fma(L::f64(v_re[i]), y_im, im)));
    }
  }
}

}  // namespace fastinit
