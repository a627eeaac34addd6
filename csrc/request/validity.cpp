#include "request/validity.h"

#include <cstdint>
#include <string_view>

#include "request/orthogonal_shape.h"

namespace fastinit {
namespace {

// Fields come from outside, and may hold a code that the list of names lacks.
template <class Code, std::size_t size>
bool is_known(Code code, const std::string_view (&)[size]) {
  return static_cast<std::size_t>(code) < size;
}

#define FASTINIT_ROW(name, request_class, Numbers) \
  static_assert(Numbers::parameters <= parameter_count, "a request has room for the parameters of " #name);
FASTINIT_DISTRIBUTIONS(FASTINIT_ROW)
#undef FASTINIT_ROW

bool has_size_of_dtype(const Request& r) {
  return r.item_size ==
         visit_dtype(r.dtype, [](auto element) { return sizeof(typename decltype(element)::type::Item); });
}

bool is_valid_fill(const Request& r) {
  const std::uint32_t formulas =
      visit_distribution(r.distribution, [](auto row) { return decltype(row)::Numbers::List::size; });
  return formulas == 0 || (r.formula < formulas && has_size_of_dtype(r));
}

bool is_valid_block_mask(const Request& r) {
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
    if (r.step[axis] == 0) return false;
  }
  return r.threshold <= UINT32_MAX;
}

bool is_valid_mask(const Request& r) {
  if (r.distribution == Distribution::bernoulli_mask) return r.threshold <= UINT32_MAX;
  if (r.distribution == Distribution::block_mask) return is_valid_block_mask(r);
  std::uint64_t along = 0;  // not 0 if samples run along any axis
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) along |= r.step[axis];
  return along && 0 < r.period && r.period <= largest_sample && r.zeros <= r.period;
}

bool is_valid_in_class(const Request& r) {
  switch (class_of(r.distribution)) {
    case RequestClass::fill:
      return is_valid_fill(r);
    case RequestClass::matrix: {
      OrthogonalShape shape;
      return has_size_of_dtype(r) && orthogonal_shape(r, shape);
    }
    case RequestClass::mask:
      return is_valid_mask(r);
    case RequestClass::scatter:
      return true;
  }
  return false;
}

bool has_valid_count(const Request& r) {
  std::uint64_t count = 1;
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
    if (__builtin_mul_overflow(count, r.extent[axis], &count)) return false;
  }
  return count == r.count && (count == 0 || r.address != 0);
}

}  // namespace

bool is_valid(const Request& r) {
  const bool has_known_names = is_known(r.distribution, distribution_names) && is_known(r.dtype, dtype_names);
  const bool has_rank = 1 <= r.rank && r.rank <= maximum_rank;
  const bool has_item = r.item_size == 1 || r.item_size == 2 || r.item_size == 4 || r.item_size == 8;
  return has_known_names && has_rank && has_item && is_valid_in_class(r) && has_valid_count(r);
}

}  // namespace fastinit
