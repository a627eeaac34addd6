#include "cpu/mask/nonzeros.h"

#include <algorithm>

#include "cpu/dispatch.h"
#include "cpu/mask/list_memory.h"
#include "cpu/work.h"

namespace fastinit {
namespace {

constexpr std::uint64_t indices_at_once = 256;

}  // namespace

NonzeroElements::~NonzeroElements() {
  for (const GrowingList& piece : pieces_) free_list(piece);
}

bool NonzeroElements::find(const Request& mask, Interrupted interrupted) {
  const Kernels& kernels = active_kernels();
  Work work;
  add_mask(work, mask);
  work.divide(0);
  pieces_.assign(work.pieces(), empty_list());
  const auto act = [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t piece) {
    kernels.list_nonzeros(r, begin, end, pieces_[piece]);
  };
  const bool finished = run(work, act, interrupted);
  for (const GrowingList& piece : pieces_) out_of_memory_ |= piece.failed;
  return finished && !out_of_memory_;
}

std::uint64_t NonzeroElements::count() const {
  std::uint64_t count = 0;
  for (const GrowingList& piece : pieces_) count += piece.size;
  return count;
}

template <class Index>
void NonzeroElements::compress(std::uint64_t rows, std::uint64_t columns, bool by_column, Index* indptr,
                               Index* indices) const {
  // A counting sort that keeps the order of elements within a row; the columns of CSC are its rows.
  const auto for_each = [&](const auto& act) {
    for (const GrowingList& piece : pieces_) {
      for (std::uint64_t k = 0; k < piece.size; ++k) {
        const std::uint64_t row = piece.item[k] / columns, column = piece.item[k] - row * columns;
        by_column ? act(column, row) : act(row, column);
      }
    }
  };
  std::fill(indptr, indptr + rows + 1, Index(0));
  for_each([&](std::uint64_t row, std::uint64_t) { ++indptr[row + 1]; });
  for (std::uint64_t row = 0; row < rows; ++row) indptr[row + 1] += indptr[row];
  // indptr[row] advances through the row's elements, and so ends where the next row starts.
  for_each([&](std::uint64_t row, std::uint64_t column) { indices[indptr[row]++] = static_cast<Index>(column); });
  for (std::uint64_t row = rows; row > 0; --row) indptr[row] = indptr[row - 1];
  indptr[0] = 0;
}

template <class Index>
bool gather(const Request& fill, std::uint64_t rows, const Index* indptr, const Index* indices, bool by_column,
            void* out, Interrupted interrupted) {
  const Kernels& kernels = active_kernels();
  const std::uint64_t row_stride = fill.stride[by_column ? 1 : 0], stride = fill.stride[by_column ? 0 : 1];
  Work work;
  work.add(fill, static_cast<std::uint64_t>(indptr[rows]));
  work.divide(0);
  const auto act = [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t) {
    std::uint64_t flat[indices_at_once];
    std::uint64_t row = std::upper_bound(indptr, indptr + rows + 1, static_cast<Index>(begin)) - indptr - 1;
    for (std::uint64_t k = begin; k < end;) {
      const std::uint64_t first = k, stop = std::min(end, k + indices_at_once);
      for (; k < stop; ++k) {
        while (k >= static_cast<std::uint64_t>(indptr[row + 1])) ++row;
        flat[k - first] = r.offset + row * row_stride + static_cast<std::uint64_t>(indices[k]) * stride;
      }
      kernels.gather(r, flat, stop - first, static_cast<char*>(out) + first * r.item_size);
    }
  };
  return run(work, act, interrupted);
}

template void NonzeroElements::compress(std::uint64_t, std::uint64_t, bool, std::int32_t*, std::int32_t*) const;
template void NonzeroElements::compress(std::uint64_t, std::uint64_t, bool, std::int64_t*, std::int64_t*) const;
template bool gather(const Request&, std::uint64_t, const std::int32_t*, const std::int32_t*, bool, void*, Interrupted);
template bool gather(const Request&, std::uint64_t, const std::int64_t*, const std::int64_t*, bool, void*, Interrupted);

}  // namespace fastinit
