#include "cpu/fill.h"

#include <sys/mman.h>

#include "cpu/dispatch.h"
#include "cpu/orthogonal/matrices.h"
#include "cpu/work.h"

namespace fastinit {
namespace {

constexpr std::uint64_t huge_page = std::uint64_t(2) << 20;

// Fresh memory in 4 kB pages takes several times as long to touch as to fill, so ask for huge ones inside every large
// destination, whoever allocated it. Advice only: where it cannot be taken, nothing changes.
void advise_huge_pages(const Request& r) {
#if defined(MADV_HUGEPAGE)
  const std::uint64_t begin = (r.address + huge_page - 1) / huge_page * huge_page;
  const std::uint64_t end = (r.address + r.count * r.item_size) / huge_page * huge_page;
  if (begin < end && end - begin >= huge_page) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)r;
#endif
}

// Elements may lie anywhere: `stride` steps through the memory itself.
template <class T>
void scatter_items(const Request& r, std::uint64_t begin, std::uint64_t end) {
  const auto out = reinterpret_cast<T*>(r.address);
  for (std::uint64_t k = begin; k < end; ++k) {
    std::uint64_t rest = k, at = 0;
    for (std::uint64_t axis = r.rank; axis-- > 0; rest /= r.extent[axis]) at += rest % r.extent[axis] * r.stride[axis];
    out[at] = static_cast<T>(r.pattern);
  }
}

void scatter_constants(const Request& r, std::uint64_t begin, std::uint64_t end) {
  switch (r.item_size) {
    case 1:
      return scatter_items<std::uint8_t>(r, begin, end);
    case 2:
      return scatter_items<std::uint16_t>(r, begin, end);
    case 4:
      return scatter_items<std::uint32_t>(r, begin, end);
    default:
      return scatter_items<std::uint64_t>(r, begin, end);
  }
}

bool is_fill(const Request& r) { return r.distribution <= truncated; }
bool is_scatter(const Request& r) { return r.distribution == scatter; }
bool is_mask(const Request& r) { return r.distribution == subset || r.distribution == bernoulli; }

}  // namespace

bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads) {
  const Kernels& kernels = active_kernels();
  OrthogonalMatrices matrices(requests, count, most_threads);
  for (std::size_t k = 0; k < count; ++k) {
    if (requests[k].distribution <= orthogonal) advise_huge_pages(requests[k]);
  }
  const auto all = [&](bool (*belongs)(const Request&), auto kernel) {
    return run(
        Work(requests, count, belongs, most_threads),
        [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t) { kernel(r, begin, end); },
        interrupted);
  };
  return all(is_fill, kernels.fill) && matrices.draw(interrupted) && all(is_scatter, scatter_constants) &&
         all(is_mask, kernels.mask);
}

}  // namespace fastinit
