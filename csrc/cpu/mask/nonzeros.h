// Sparse matrices without the dense one: where a mask keeps elements, and the values that stand there.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/fill.h"
#include "cpu/mask/nonzero_list.h"
#include "request/request.h"

namespace fastinit {

// The places of what a mask keeps of a matrix of rows and columns (the last one the request's innermost).
class KeptElements {
 public:
  KeptElements() = default;
  KeptElements(const KeptElements&) = delete;
  KeptElements& operator=(const KeptElements&) = delete;
  ~KeptElements();

  // False when `interrupted` said to give up, or memory ran out (then out_of_memory()).
  bool find(const Request& mask, Interrupted interrupted);
  bool out_of_memory() const { return out_of_memory_; }
  std::uint64_t count() const;

  // The compressed form: element starts[k] on are those of line k (row, or column if `by_column`), of which `minor` has
  // the other index, rising. Index is std::int32_t or std::int64_t; `starts` has one more than there are lines.
  template <class Index>
  void compress(std::uint64_t lines, std::uint64_t columns, bool by_column, Index* starts, Index* minor) const;

 private:
  std::vector<Kept> pieces_;  // of rising columns of samples; each ordered within every line
  bool out_of_memory_ = false;
};

// Draws the elements of a compressed form, in its order, to `out`: of the part of `fill`, whose two extents are its
// rows and columns.
template <class Index>
bool gather(const Request& fill, std::uint64_t lines, const Index* starts, const Index* minor, bool by_column,
            void* out, Interrupted interrupted);

}  // namespace fastinit
