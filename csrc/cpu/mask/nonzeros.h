// Sparse matrices without the dense one: which elements a mask leaves, and their values.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/interrupt.h"
#include "cpu/mask/growing_list.h"
#include "request/request.h"

namespace fastinit {

// The elements that a mask leaves of a matrix, whose columns are the request's innermost axis.
class NonzeroElements {
 public:
  NonzeroElements() = default;
  NonzeroElements(const NonzeroElements&) = delete;
  NonzeroElements& operator=(const NonzeroElements&) = delete;
  ~NonzeroElements();

  // Returns false if `interrupted` returned true, or if memory ran out; then out_of_memory() is true.
  bool find(const Request& mask, Interrupted interrupted);
  bool out_of_memory() const { return out_of_memory_; }
  std::uint64_t count() const;

  // Writes the indptr and indices of CSR, or of CSC if `by_column`, where `rows` is the number of columns. Indices rise
  // within each row. Index is std::int32_t or std::int64_t; `indptr` has one entry more than there are rows.
  template <class Index>
  void compress(std::uint64_t rows, std::uint64_t columns, bool by_column, Index* indptr, Index* indices) const;

 private:
  std::vector<GrowingList> pieces_;  // in the order of columns of samples; each is in order within every row and column
  bool out_of_memory_ = false;
};

// Draws the elements of a CSR or CSC form to `out`, in its order. The two extents of `fill` are the matrix's rows and
// columns; `rows` is the number of compressed rows, or of columns if `by_column`.
template <class Index>
bool gather(const Request& fill, std::uint64_t rows, const Index* indptr, const Index* indices, bool by_column,
            void* out, Interrupted interrupted);

}  // namespace fastinit
