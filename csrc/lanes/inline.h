// FASTINIT_INLINE marks every function of numerics/ and lanes/: forced inline and of internal linkage, because a weak
// inline symbol compiled for one instruction set can be the copy that the linker keeps for all of them.
// FASTINIT_MEMBER marks their constructors and other members that use `this`.
// FASTINIT_UNROLL stands before loops of constant length over register arrays, FASTINIT_ROLLED before those that a GPU
// must go round, lest registers or code grow.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define FASTINIT_INLINE static __device__ __forceinline__
#define FASTINIT_MEMBER __device__ __forceinline__
#else
#define FASTINIT_INLINE static inline __attribute__((always_inline))
#define FASTINIT_MEMBER
#endif

#if defined(__clang__) || defined(__CUDACC__)
#define FASTINIT_UNROLL _Pragma("unroll")
#else
#define FASTINIT_UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(__CUDACC__)
#define FASTINIT_ROLLED _Pragma("unroll 1")
#else
#define FASTINIT_ROLLED
#endif
