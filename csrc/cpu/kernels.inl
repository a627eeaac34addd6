// All kernels for a lane type, as the table of its instruction set.
#pragma once

#include "cpu/dispatch.h"
#include "cpu/fill/kernels.inl"
#include "cpu/functions.inl"
#include "cpu/mask/kernels.inl"
#include "cpu/orthogonal/kernels.inl"
#include "cpu/unitary.inl"

namespace fastinit {
namespace {

template <class L>
constexpr Kernels kernels_of(const char* name) noexcept {
  return {name,      fill<L>,  mask<L>,    list_nonzeros<L>, list_keys<L>,
          gather<L>, apply<L>, unitary<L>, L::width64,       {build_reflectors<L>, apply_reflectors<L>}};
}

}  // namespace
}  // namespace fastinit
