// Macros that every header of lanes/ and numerics/ uses.
//
//   FASTINIT_INLINE      marks every function of lanes/ and numerics/. It forces inlining and internal linkage: a weak
//                        inline symbol that was compiled for one instruction set can be the copy that the linker keeps
//                        for all of them.
//   FASTINIT_MEMBER      marks their constructors and the members that use `this`.
//   FASTINIT_UNROLL      stands before loops of constant length over arrays that live in registers.
//   FASTINIT_UNROLL_BY   stands before loops of which a GPU unrolls n iterations.
//   FASTINIT_ROLLED      stands before loops that a GPU must not unroll, to save registers or code.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define FASTINIT_INLINE static __device__ __forceinline__
#define FASTINIT_MEMBER __device__ __forceinline__
#else
#define FASTINIT_INLINE static inline __attribute__((always_inline))
#define FASTINIT_MEMBER __attribute__((always_inline))
#endif

#if defined(__clang__) || defined(__CUDACC__)
#define FASTINIT_UNROLL _Pragma("unroll")
#else
#define FASTINIT_UNROLL _Pragma("GCC unroll 32")
#endif

#if defined(__CUDACC__)
#define FASTINIT_PRAGMA(text) _Pragma(#text)
#define FASTINIT_UNROLL_BY(n) FASTINIT_PRAGMA(unroll(n))
#define FASTINIT_ROLLED _Pragma("unroll 1")
#else
#define FASTINIT_UNROLL_BY(n)
#define FASTINIT_ROLLED
#endif
