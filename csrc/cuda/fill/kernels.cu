#include "cuda/fill/kernels.h"

#include "cuda/fill/kernels.cuh"

namespace fastinit {
namespace {

template <class Formula, class Element>
const void* kernel_of() {
  const auto address = [](void (*kernel)(FillTable)) { return reinterpret_cast<const void*>(kernel); };
  if constexpr (Element::in_float64) {
    return address(fill_requests<Group64<Formula>>);
  } else {
    return address(fill_requests<Group32<Formula, Element>>);
  }
}

template <class Formula>
const void* kernel_of(Dtype dtype) {
  return visit_dtype(dtype, [](auto element) { return kernel_of<Formula, typename decltype(element)::type>(); });
}

}  // namespace

const void* fill_kernel(Distribution distribution, std::uint32_t formula, Dtype dtype) {
  const void* kernel = nullptr;
  visit_distribution(distribution, [&](auto row) {
    visit_type(typename decltype(row)::Numbers::List{}, formula,
               [&](auto found) { kernel = kernel_of<typename decltype(found)::type>(dtype); });
  });
  return kernel;
}

}  // namespace fastinit
