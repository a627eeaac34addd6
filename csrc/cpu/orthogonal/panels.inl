// Applying reflectors to columns of the identity, and writing the resulting columns of the matrix, for any lane type. T
// is float or double; every sum has the order of numerics/orthogonal.h.
#pragma once

#include <cstring>

#include "cpu/orthogonal/gemm.inl"
#include "cpu/orthogonal/reflectors.h"
#include "cpu/orthogonal/reflectors.inl"

namespace fastinit {
namespace {

// The columns [begin, end) of the matrix, in slabs that are at most as wide as a tile and whose rows follow each other.
template <class L, class T>
class PanelProduct {
 public:
  PanelProduct(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch)
      : q_(q), begin_(begin), end_(end), a_(static_cast<T*>(scratch)) {
    w_ = a_ + (q.rows + extra_rows) * round_up(end - begin, row_unit);
    y_ = w_ + block_size(q) * round_up(end - begin, row_unit);
  }

  bool apply(InterruptFlag& flag) {
    std::memset(a_, 0, (q_.rows + extra_rows) * round_up(end_ - begin_, row_unit) * sizeof(T));
    for (std::uint64_t k = begin_; k < end_; ++k) *at(k, k) = static_cast<const T*>(q_.signs)[k];
    const std::uint64_t size = block_size(q_);
    for (std::uint64_t block = (end_ - 1) / size + 1; block-- > 0;) {
      if (flag.is_set()) return false;
      if (!apply_block(block * size, lesser((block + 1) * size, q_.columns), flag)) return false;
    }
    return true;
  }

  // Element (i, j) of the whole matrix.
  T* at(std::uint64_t i, std::uint64_t j) const {
    const Slab slab = slab_at(begin_ + (j - begin_) / slab_columns * slab_columns);
    return slab.a + i * slab.stride + (j - slab.begin);
  }

  static constexpr std::uint64_t slab_columns = L::tile_vectors * Vectors<L, T>::width;
  static_assert(panel_unit * sizeof(float) / sizeof(T) % slab_columns == 0, "panels are whole slabs");

 private:
  struct Slab {
    std::uint64_t begin, end, stride;
    T *a, *w, *y;
    int vectors;
  };

  Slab slab_at(std::uint64_t begin) const {
    constexpr std::uint64_t width = Vectors<L, T>::width;
    const std::uint64_t end = lesser(begin + slab_columns, end_), before = begin - begin_;
    const std::uint64_t stride = round_up(end - begin, width), size = block_size(q_);
    return {begin,
            end,
            stride,
            a_ + before * (q_.rows + extra_rows),
            w_ + before * size,
            y_ + before * size,
            static_cast<int>(stride / width)};
  }

  // Calls work(slab) for the slabs that the reflectors from column `first` on reach.
  template <class Work>
  void for_each_slab(std::uint64_t first, const Work& work) const {
    for (std::uint64_t begin = begin_; begin < end_; begin += slab_columns) {
      const Slab slab = slab_at(begin);
      if (slab.end > first) work(slab);
    }
  }

  bool apply_block(std::uint64_t first, std::uint64_t last, InterruptFlag& flag) {
    const std::uint64_t columns = last - first, size = block_size(q_), strip = first / strip_columns;
    const std::uint64_t above = strip * strip_columns, stride = strip_stride(q_.columns);
    const std::uint64_t padded = round_up(columns, L::tile_rows);
    // Row `above`, from the first column of the block on.
    const T* const v = static_cast<const T*>(q_.vectors) + strip_offset(q_, strip) + (first - above);
    const auto row_of = [&](std::uint64_t i) {
      return Panel<const T>{v + (i - above) * stride, static_cast<std::ptrdiff_t>(stride)};
    };
    for_each_slab(first, [&](const Slab& slab) { std::memset(slab.w, 0, padded * slab.stride * sizeof(T)); });
    for (std::uint64_t row = first; row < q_.rows; row += rows_at_once) {
      for_each_slab(first, [&](const Slab& slab) {
        // Columns of this block are zero below it, later ones within it.
        const std::uint64_t begin = greater(row, slab.begin >= last ? last : first);
        const std::uint64_t end = lesser(row + rows_at_once, slab.end <= last ? last : q_.rows);
        if (begin >= end) return;
        gemm<L, T, Contiguous::columns>(row_of(begin), row_of_slab(slab, slab.a, begin),
                                        {slab.w, static_cast<std::ptrdiff_t>(slab.stride)}, padded, slab.vectors,
                                        end - begin);
      });
      if (flag.is_set()) return false;
    }
    const T* const triangle = static_cast<const T*>(q_.triangles) + first * size;
    for_each_slab(first, [&](const Slab& slab) {
      std::memset(slab.y, 0, padded * slab.stride * sizeof(T));
      for (std::uint64_t k = 0; k < padded; k += L::tile_rows) {
        gemm<L, T, Contiguous::columns>({triangle + k * size + k, static_cast<std::ptrdiff_t>(size)},
                                        row_of_slab(slab, slab.w, k),
                                        {slab.y + k * slab.stride, static_cast<std::ptrdiff_t>(slab.stride)},
                                        L::tile_rows, slab.vectors, columns - lesser(k, columns));
      }
    });
    for (std::uint64_t row = first; row < q_.rows; row += rows_at_once) {
      for_each_slab(first, [&](const Slab& slab) {
        const std::uint64_t count = round_up(lesser(rows_at_once, q_.rows - row), L::tile_rows);
        gemm<L, T, Contiguous::rows>(row_of(row), row_of_slab(slab, slab.y, 0),
                                     {slab.a + row * slab.stride, static_cast<std::ptrdiff_t>(slab.stride)}, count,
                                     slab.vectors, columns);
      });
      if (flag.is_set()) return false;
    }
    return true;
  }

  static Panel<const T> row_of_slab(const Slab& slab, const T* first, std::uint64_t row) {
    return {first + row * slab.stride, static_cast<std::ptrdiff_t>(slab.stride)};
  }

  const Reflectors& q_;
  const std::uint64_t begin_, end_;
  T *a_, *w_, *y_;
};

// Writes the panel's elements, times the gain, as elements of a dtype.
template <class L, class T, class Element>
void write_panel(const PanelProduct<L, T>& panel, const Reflectors& q, std::uint64_t begin, std::uint64_t end,
                 const Target& target) {
  using Item = typename Element::Item;
  Item* const out = reinterpret_cast<Item*>(target.address);
  const T gain = static_cast<T>(target.gain);
  constexpr std::uint64_t slab = PanelProduct<L, T>::slab_columns;
  for (std::uint64_t row = 0; row < q.rows; row += rows_at_once) {
    const std::uint64_t last_row = lesser(row + rows_at_once, q.rows);
    for (std::uint64_t column = begin; column < end; column += slab) {
      const std::uint64_t count = lesser(slab, end - column);
      const T* const in = panel.at(row, column);
      const std::uint64_t stride = panel.at(row + 1, column) - in;
      const std::int64_t *const to_row = target.of_row + row, *const to_column = target.of_column + column;
      if (target.rows_contiguous) {
        for (std::uint64_t j = 0; j < count; ++j) {
          if (to_column[j] < 0) continue;
          Item* const line = out + to_row[0] + to_column[j];
          for (std::uint64_t i = 0; i < last_row - row; ++i)
            line[i] = Element::template encode<ScalarLanes>(in[i * stride + j] * gain);
        }
        continue;
      }
      bool columns_contiguous = to_column[0] >= 0;
      for (std::uint64_t j = 1; j < count; ++j) columns_contiguous &= to_column[j] == to_column[j - 1] + 1;
      for (std::uint64_t i = 0; i < last_row - row; ++i) {
        if (to_row[i] < 0) continue;
        Item* const line = out + to_row[i];
        const T* const values = in + i * stride;
        if (columns_contiguous) {
          for (std::uint64_t j = 0; j < count; ++j)
            line[to_column[0] + j] = Element::template encode<ScalarLanes>(values[j] * gain);
        } else {
          for (std::uint64_t j = 0; j < count; ++j) {
            if (to_column[j] >= 0) line[to_column[j]] = Element::template encode<ScalarLanes>(values[j] * gain);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace fastinit
