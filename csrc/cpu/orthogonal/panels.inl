// Applying reflectors to columns of the identity, and writing these where they belong, for any lane type. T is float or
// double; the order of every sum is that of numerics/orthogonal.h.
#include "cpu/orthogonal/reflectors.inl"

namespace fastinit {
namespace {

// The columns [begin, end) of the matrix, in slabs of at most a tile's width whose rows follow each other.
template <class L, class T>
class PanelProduct {
 public:
  PanelProduct(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch)
      : q_(q), begin_(begin), end_(end), a_(static_cast<T*>(scratch)) {
    w_ = a_ + (q.rows + extra_rows) * round_up(end - begin, row_unit);
    y_ = w_ + block_size(q) * round_up(end - begin, row_unit);
  }

  bool apply(Watch& watch) {
    std::memset(a_, 0, (q_.rows + extra_rows) * round_up(end_ - begin_, row_unit) * sizeof(T));
    for (std::uint64_t k = begin_; k < end_; ++k) *at(k, k) = static_cast<const T*>(q_.signs)[k];
    const std::uint64_t size = block_size(q_);
    for (std::uint64_t block = (end_ - 1) / size + 1; block-- > 0;) {
      if (stopped(watch)) return false;
      if (!apply_block(block * size, lesser((block + 1) * size, q_.columns), watch)) return false;
    }
    return true;
  }

  // Element (i, j) of the whole matrix.
  T* at(std::uint64_t i, std::uint64_t j) const {
    const Slab slab = slab_at(begin_ + (j - begin_) / slab_columns * slab_columns);
    return slab.a + i * slab.stride + (j - slab.begin);
  }

  static constexpr std::uint64_t slab_columns = L::tile_vectors * Vectors<L, T>::width;

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

  bool apply_block(std::uint64_t first, std::uint64_t last, Watch& watch) {
    const std::uint64_t columns = last - first, size = block_size(q_), strip = first / strip_columns;
    const std::uint64_t above = strip * strip_columns, stride = strip_stride(q_.columns);
    const std::uint64_t padded = round_up(columns, L::tile_rows);
    // Of row i, from the block's first column on: v + i * stride.
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
        multiply<L, T, Contiguous::columns>(row_of(begin), row_of_slab(slab, slab.a, begin),
                                            {slab.w, static_cast<std::ptrdiff_t>(slab.stride)}, padded, slab.vectors,
                                            end - begin);
      });
      if (stopped(watch)) return false;
    }
    const T* const triangle = static_cast<const T*>(q_.triangles) + first * size;
    for_each_slab(first, [&](const Slab& slab) {
      std::memset(slab.y, 0, padded * slab.stride * sizeof(T));
      for (std::uint64_t k = 0; k < padded; k += L::tile_rows) {
        multiply<L, T, Contiguous::columns>({triangle + k * size + k, static_cast<std::ptrdiff_t>(size)},
                                            row_of_slab(slab, slab.w, k),
                                            {slab.y + k * slab.stride, static_cast<std::ptrdiff_t>(slab.stride)},
                                            L::tile_rows, slab.vectors, columns - lesser(k, columns));
      }
    });
    for (std::uint64_t row = first; row < q_.rows; row += rows_at_once) {
      for_each_slab(first, [&](const Slab& slab) {
        const std::uint64_t count = round_up(lesser(rows_at_once, q_.rows - row), L::tile_rows);
        multiply<L, T, Contiguous::rows>(row_of(row), row_of_slab(slab, slab.y, 0),
                                         {slab.a + row * slab.stride, static_cast<std::ptrdiff_t>(slab.stride)}, count,
                                         slab.vectors, columns);
      });
      if (stopped(watch)) return false;
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

// ---- elements of a dtype in memory

template <class T>
struct Plain {
  using Item = T;
  FASTINIT_INLINE T of(T x) { return x; }
};

template <std::uint32_t (*code)(float)>
struct Coded {
  using Item = std::uint16_t;
  FASTINIT_INLINE Item of(float x) { return static_cast<Item>(code(x)); }
};

// The panel's elements, times the gain, to where they belong.
template <class L, class T, class Kind>
void write_panel(const PanelProduct<L, T>& panel, const Reflectors& q, std::uint64_t begin, std::uint64_t end,
                 const Target& target) {
  using Item = typename Kind::Item;
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
          for (std::uint64_t i = 0; i < last_row - row; ++i) line[i] = Kind::of(in[i * stride + j] * gain);
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
          for (std::uint64_t j = 0; j < count; ++j) line[to_column[0] + j] = Kind::of(values[j] * gain);
        } else {
          for (std::uint64_t j = 0; j < count; ++j) {
            if (to_column[j] >= 0) line[to_column[j]] = Kind::of(values[j] * gain);
          }
        }
      }
    }
  }
}

template <class L, class T>
void apply_in(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
              Watch& watch) {
  PanelProduct<L, T> panel(q, begin, end, scratch);
  if (!panel.apply(watch)) return;
  if constexpr (sizeof(T) == sizeof(double)) {
    write_panel<L, T, Plain<double>>(panel, q, begin, end, target);
  } else if (target.dtype == float16) {
    write_panel<L, T, Coded<float16_code<ScalarLanes>>>(panel, q, begin, end, target);
  } else if (target.dtype == bfloat16) {
    write_panel<L, T, Coded<bfloat16_code<ScalarLanes>>>(panel, q, begin, end, target);
  } else {
    write_panel<L, T, Plain<float>>(panel, q, begin, end, target);
  }
}

template <class L>
void build_reflectors(const Reflectors& q, std::uint64_t strip, void* scratch) {
  q.dtype == float64 ? StripBuilder<L, double>(q, strip, scratch).build()
                     : StripBuilder<L, float>(q, strip, scratch).build();
}

template <class L>
void apply_reflectors(const Reflectors& q, std::uint64_t begin, std::uint64_t end, void* scratch, const Target& target,
                      Watch& watch) {
  q.dtype == float64 ? apply_in<L, double>(q, begin, end, scratch, target, watch)
                     : apply_in<L, float>(q, begin, end, scratch, target, watch);
}

}  // namespace
}  // namespace fastinit
