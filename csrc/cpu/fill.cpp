#include "cpu/fill.h"

#include <vector>

#include "cpu/dispatch.h"
#include "cpu/huge_pages.h"
#include "cpu/mask/scatter.h"
#include "cpu/orthogonal/matrices.h"
#include "cpu/work.h"
#include "request/samples.h"

namespace fastinit {
namespace {

// The requests of a call by class.
struct Sorted {
  Work fills, scatters, masks;
  std::vector<const Request*> matrices;

  void add(const Request& r) {
    switch (class_of(r.distribution)) {
      case RequestClass::fill:
        advise_huge_pages(r.address, r.count * r.item_size);
        fills.add(r, r.count);
        break;
      case RequestClass::matrix:
        advise_huge_pages(r.address, r.count * r.item_size);
        matrices.push_back(&r);
        break;
      case RequestClass::mask:
        add_mask(masks, r);
        break;
      case RequestClass::scatter:
        scatters.add(r, r.count);
        break;
    }
  }
};

}  // namespace

bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads) {
  const Kernels& kernels = active_kernels();
  Sorted sorted;
  for (const Request* r = requests; r != requests + count; ++r) {
    if (r->count > 0) sorted.add(*r);
  }
  OrthogonalMatrices matrices(sorted.matrices, most_threads);
  const auto run_all = [&](Work& work, auto kernel) {
    work.divide(most_threads);
    return run(
        work, [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t) { kernel(r, begin, end); },
        interrupted);
  };
  // A matrix or a scatter may lie in memory that a fill sets to zero, and masks zero what all others wrote.
  return run_all(sorted.fills, kernels.fill) && matrices.draw(interrupted) &&
         run_all(sorted.scatters, scatter_constants) && run_all(sorted.masks, kernels.mask);
}

}  // namespace fastinit
