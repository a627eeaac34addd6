#include "cuda/fill/kernels.h"

#include "cuda/mask/kernels.cuh"

namespace fastinit {
namespace {

template <class Kind>
const void* kernel_of(Dtype dtype) {
  const auto address = [](void (*kernel)(FillTable)) { return reinterpret_cast<const void*>(kernel); };
  switch (dtype) {
    case float64:
      return address(fill_kernel<Group64<Kind>>);
    case float32:
      return address(fill_kernel<Group32<Kind, Float32Words>>);
    case float16:
      return address(fill_kernel<Group32<Kind, Float16Words>>);
    case bfloat16:
      return address(fill_kernel<Group32<Kind, BFloat16Words>>);
    case float8_e4m3fn:
      return address(fill_kernel<Group32<Kind, Float8Words<float8_e4m3fn_code<Lanes>>>>);
    default:
      return address(fill_kernel<Group32<Kind, Float8Words<float8_e5m2_code<Lanes>>>>);
  }
}

}  // namespace

const void* fill_kernel_for(FillKind kind, Dtype dtype) {
  switch (kind) {
    case FillKind::uniform:
      return kernel_of<UniformKind>(dtype);
    case FillKind::clamped_uniform:
      return kernel_of<ClampedUniformKind>(dtype);
    case FillKind::truncated_centre:
      return kernel_of<TruncatedKind<Cut::centre>>(dtype);
    case FillKind::truncated_wide_symmetric:
      return kernel_of<TruncatedKind<Cut::wide_symmetric>>(dtype);
    case FillKind::truncated_wide:
      return kernel_of<TruncatedKind<Cut::wide>>(dtype);
    case FillKind::truncated_tail:
      return kernel_of<TruncatedKind<Cut::tail>>(dtype);
    default:
      return kernel_of<NormalKind>(dtype);
  }
}

const void* overlay_kernel_address() { return reinterpret_cast<const void*>(overlay_kernel); }

}  // namespace fastinit
