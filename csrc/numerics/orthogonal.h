// Orthogonal matrices: Stewart's method ("The efficient generation of random orthogonal matrices with an application to
// condition estimators", SIAM J. Numer. Anal. 17(3), 1980, theorem 3.3), in blocks, with every sum in a fixed order.
//
// The tall matrix, M x N with M >= N, is Q = H_0 H_1 ... H_(N-1) D. Reflector k is H_k = I - tau_k v_k v_k', where
// v_k[i] = x_k[i] is the normal at index i N + k of the matrix for rows i > k, and 0 for rows i < k; v_k[k], tau_k and
// D_k are below. Reflectors come in blocks of orthogonal_block(N) (the last one may have fewer), a block from row and
// column j0 on. Everything is in the precision of the array (float32 for narrow dtypes) but for what is said to be
// float64. Every sum is one chain of fma in rising order of its index, from +0 unless it says otherwise; terms that are
// zero because v_k[i], T or the columns of the matrix are zero there may be left out, which changes no bit.
//
//   tail_k   = sum over i > k of x_k[i]^2, in float64
//   U[k,l]   = sum over rows i of v_k[i] v_l[i], for k < l of one block
//   S        = -T, upper triangular: S[l,l] = -tau_l, S[k,l] = S[l,l] (sum over m = k .. l-1 of S[k,m] U[m,l])
//   A        = diag(D) on top of zeros; then for each block, the last one first:
//   W[k,j]   = sum over rows i of v_k[i] A[i,j]
//   Y[k,j]   = sum over l >= k of S[k,l] W[l,j]
//   A[i,j]   = A[i,j] + sum over k of v_k[i] Y[k,j], the chain starting from the old A[i,j]
//
// Row i of column j, times the gain, is the element: (i, j) of the array's matrix, or (j, i) where that is wide.
#pragma once

#include "lanes/inline.h"

namespace fastinit {

// Reflectors in a block: more of them are applied at once where that costs little beside the whole.
FASTINIT_INLINE int orthogonal_block(std::uint64_t columns) {
  return columns <= 128 ? 16 : columns <= 512 ? 32 : columns <= 2048 ? 64 : 128;
}

constexpr int largest_orthogonal_block = 128;

template <class T>
struct Reflector {
  T head;  // v_k[k]
  T tau;   // 2 / (v_k'v_k)
  T sign;  // D_k
};

// From x_k[k] and tail_k. The head takes the sign of x_k[k], so nothing cancels; tau belongs to the rounded head. A
// vector without a tail (the last one of a square matrix) is scaled to length one, so that H_k is exactly -1 there.
template <class L, class T>
FASTINIT_INLINE Reflector<T> reflector(T first, double tail) {
  const double x = first;
  const T side = first < 0 ? T(-1) : T(1);
  if (tail == 0) return x == 0 ? Reflector<T>{0, 0, 1} : Reflector<T>{side, 2, -side};
  const double norm = L::sqrt(L::fma(x, x, tail));
  const T head = static_cast<T>(x + (first < 0 ? -norm : norm));
  const double h = head;
  return {head, static_cast<T>(2 / L::fma(h, h, tail)), -side};
}

}  // namespace fastinit
