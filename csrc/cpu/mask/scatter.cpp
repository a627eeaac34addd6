#include "cpu/mask/scatter.h"

#include "cpu/items.inl"

namespace fastinit {

void scatter_constants(const Request& r, std::uint64_t begin, std::uint64_t end) {
  with_item(r.item_size, [&](auto item) {
    using Item = decltype(item);
    const auto out = reinterpret_cast<Item*>(r.address);
    for (std::uint64_t k = begin; k < end; ++k) {
      std::uint64_t rest = k, at = 0;
      for (std::uint64_t axis = r.rank; axis-- > 0; rest /= r.extent[axis]) {
        at += rest % r.extent[axis] * r.stride[axis];
      }
      out[at] = static_cast<Item>(r.pattern);
    }
  });
}

}  // namespace fastinit
