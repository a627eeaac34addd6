// FASTINIT_INLINE marks every function of numerics/ and lanes/: forced inline and of internal linkage, because a weak
// inline symbol compiled for one instruction set can be the copy that the linker keeps for all of them.
// FASTINIT_UNROLL stands before loops of constant length over register arrays.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define FASTINIT_INLINE static __host__ __device__ __forceinline__
#else
#define FASTINIT_INLINE static inline __attribute__((always_inline))
#endif

#if defined(__clang__) || defined(__CUDACC__)
#define FASTINIT_UNROLL _Pragma("unroll")
#else
#define FASTINIT_UNROLL _Pragma("GCC unroll 32")
#endif
