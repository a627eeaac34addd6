// Building reflectors, for any lane type. T is float or double; every sum has the order of numerics/orthogonal.h.
#pragma once

#include <cstring>
#include <type_traits>

#include "cpu/fill/groups.inl"
#include "cpu/orthogonal/gemm.inl"
#include "cpu/orthogonal/reflectors.h"
#include "lanes/scalar.h"
#include "numerics/distributions.h"

namespace fastinit {
namespace {

// Rows that are processed at a time, so that what a tile reads of them stays in the first-level cache.
constexpr std::uint64_t rows_at_once = 128;

// Not std::min, whose instance for one instruction set could be the copy that the linker keeps for all.
FASTINIT_INLINE std::uint64_t lesser(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }
FASTINIT_INLINE std::uint64_t greater(std::uint64_t a, std::uint64_t b) { return a > b ? a : b; }

template <class T>
using Normals =
    std::conditional_t<std::is_same_v<T, double>, Values64<NormalFormula>, Values32<NormalFormula, Float32>>;
constexpr double standard_normal[] = {1, 0};

template <class L, class T>
class StripBuilder {
  static_assert(L::tile_rows <= extra_rows && row_unit % Vectors<L, T>::width == 0, "rows of zeros end every tile");

 public:
  StripBuilder(const Reflectors& q, std::uint64_t strip, void* scratch)
      : q_(q),
        from_(strip * strip_columns),
        columns_(lesser(strip_columns, q.columns - from_)),
        rows_(q.rows - from_),
        stride_(strip_stride(q.columns)),
        strip_(static_cast<T*>(q.vectors) + strip_offset(q, strip)),
        scratch_(static_cast<T*>(scratch)) {}

  void build() {
    std::memset(tail_, 0, sizeof tail_);
    for (std::uint64_t row = 0; row < rows_; row += rows_at_once) {
      const std::uint64_t end = lesser(row + rows_at_once, rows_);
      draw(row, end);
      for (std::uint64_t i = row; i < lesser(end, columns_); ++i) {
        head_[i] = strip_[i * stride_ + i];
        strip_[i * stride_ + i] = 0;
      }
      add_squares(row, end);
    }
    std::memset(strip_ + rows_ * stride_, 0, extra_rows * stride_ * sizeof(T));
    for (std::uint64_t k = 0; k < columns_; ++k) {
      const Reflector<T> found = reflector<ScalarLanes, T>(head_[k], tail_[k]);
      strip_[k * stride_ + k] = found.head;
      tau_[k] = found.tau;
      static_cast<T*>(q_.signs)[from_ + k] = found.sign;
    }
    const std::uint64_t size = block_size(q_);
    for (std::uint64_t begin = 0; begin < columns_; begin += size) build_triangle(begin);
  }

 private:
  using Vs = Vectors<L, T>;

  // Row i of the strip has values up to the diagonal, then zeros.
  void draw(std::uint64_t begin, std::uint64_t end) {
    const Normals<T> normals = {standard_normal, q_.stream};
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint64_t count = lesser(i + 1, columns_);
      T* const row = strip_ + i * stride_;
      fill_run<L>(normals, q_.first + (from_ + i) * q_.columns + from_, count, row);
      std::memset(row + count, 0, (stride_ - count) * sizeof(T));
    }
  }

  void add_squares(std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t at_once = 4, width = L::width64;
    const std::uint64_t padded = round_up(columns_, width);
    std::uint64_t column = 0;
    for (; column + at_once * width <= padded; column += at_once * width) add_squares<at_once>(begin, end, column);
    for (; column < padded; column += width) add_squares<1>(begin, end, column);
  }

  template <int vectors>
  void add_squares(std::uint64_t begin, std::uint64_t end, std::uint64_t column) {
    typename L::F64 sum[vectors];
    FASTINIT_UNROLL
    for (int v = 0; v < vectors; ++v) sum[v] = L::load(tail_ + column + v * L::width64);
    for (std::uint64_t i = begin; i < end; ++i) {
      FASTINIT_UNROLL
      for (int v = 0; v < vectors; ++v) {
        const typename L::F64 x = load64(strip_ + i * stride_ + column + v * L::width64);
        sum[v] = L::fma(x, x, sum[v]);
      }
    }
    FASTINIT_UNROLL
    for (int v = 0; v < vectors; ++v) L::store(tail_ + column + v * L::width64, sum[v]);
  }

  FASTINIT_INLINE typename L::F64 load64(const float* in) { return L::load_widened(in); }
  FASTINIT_INLINE typename L::F64 load64(const double* in) { return L::load(in); }

  // S transposed of the block from column `begin` on.
  void build_triangle(std::uint64_t begin) {
    const std::uint64_t size = block_size(q_), columns = lesser(size, columns_ - begin);
    T* const products = scratch_;
    multiply_among(begin, columns, products);
    T* const triangle = static_cast<T*>(q_.triangles) + (from_ + begin) * size;
    std::memset(triangle, 0, size * size * sizeof(T));
    for (std::uint64_t k = 0; k < columns; ++k) triangle[k * size + k] = 1;
    for (std::uint64_t m = 0; m < columns; ++m) {
      const auto scale = Vs::all(-tau_[begin + m]);
      for (std::uint64_t k = 0; k <= m; k += Vs::width) {
        const auto done = L::load(triangle + m * size + k) * scale;
        L::store(triangle + m * size + k, done);
        for (std::uint64_t l = m + 1; l < columns; ++l) {
          T* const sum = triangle + l * size + k;
          L::store(sum, L::fma(done, Vs::all(products[m * size + l]), L::load(sum)));
        }
      }
    }
  }

  // U; its elements below the diagonal have no meaning.
  void multiply_among(std::uint64_t begin, std::uint64_t columns, T* products) const {
    constexpr std::uint64_t slab = L::tile_vectors * Vs::width;
    const std::uint64_t size = block_size(q_);
    std::memset(products, 0, size * size * sizeof(T));
    for (std::uint64_t row = begin; row < rows_; row += rows_at_once) {
      const T* const v = strip_ + row * stride_ + begin;
      for (std::uint64_t at = 0; at < columns; at += slab) {
        const std::uint64_t width = lesser(slab, columns - at);
        const std::uint64_t above = lesser(round_up(at + width, L::tile_rows), round_up(columns, L::tile_rows));
        gemm<L, T, Contiguous::columns>({v, stride()}, {v + at, stride()},
                                        {products + at, static_cast<std::ptrdiff_t>(size)}, above,
                                        round_up(width, Vs::width) / Vs::width, lesser(rows_at_once, rows_ - row));
      }
    }
  }

  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(stride_); }

  const Reflectors& q_;
  const std::uint64_t from_, columns_, rows_, stride_;
  T* const strip_;
  T* const scratch_;
  double tail_[strip_columns];
  T head_[strip_columns], tau_[strip_columns];
};

}  // namespace
}  // namespace fastinit
