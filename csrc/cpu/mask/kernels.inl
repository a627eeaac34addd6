// The loops of masks, for any lane type. Words are drawn in long runs into a buffer that stays in the nearest cache;
// what is decided about them goes to a sink.
#include "cpu/mask/nonzero_list.h"
#include "request/samples.h"
#include "numerics/masks.h"

namespace fastinit {
namespace {

constexpr std::uint64_t strip = 2048;   // columns side by side: their counters and words fill half of a 32 kB cache
constexpr std::uint64_t segment = 256;  // elements of each row at a time, of as many rows as a vector has lanes
constexpr int padding = 16;             // for whole vectors at the end of a buffer

// ---- words

template <class L>
struct MaskWords {
  using Lanes = L;
  using Item = std::uint32_t;
  Stream stream;

  template <int groups>
  void fill(std::uint64_t block, Item* out) const {
    typename L::U64 word[groups][4];
    philox<L, groups>(stream, block | purpose_masks, L::template block_order<4>(), word);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U32 even[L::halves], odd[L::halves];
      L::even_and_odd(word[g], even, odd);
      L::store(out + g * 4 * L::blocks, even, odd);
    }
  }
};

// The words of stretches of up to `strip` elements. Where one stretch follows the other in the whole array, as many as
// fit are drawn at once: rows may be a few elements long.
template <class L>
class Words {
 public:
  Words(const Request& r, bool in_succession) : words_{{r.seed, r.stream}}, in_succession_(in_succession) {}

  const std::uint32_t* at(std::uint64_t flat, std::uint64_t count) {
    if (flat - first_ + count > held_ || flat < first_) {
      first_ = flat;
      held_ = in_succession_ ? strip : count;
      fill_run(words_, first_, held_, buffer_);
      for (int k = 0; k < padding; ++k) buffer_[held_ + k] = 0;
    }
    return buffer_ + (flat - first_);
  }

 private:
  MaskWords<L> words_;
  bool in_succession_;
  std::uint64_t first_ = 0, held_ = 0;
  alignas(64) std::uint32_t buffer_[strip + padding];
};

// ---- sinks: what becomes of a vector's elements from `place` on, those that are zeroed being set in `mask`

template <class T>
struct Zeros {
  T* out;
  // Rows are so far apart that the processor does not foresee the next one.
  void expect(std::uint64_t place, std::uint64_t count) const {
    for (std::uint64_t k = 0; k < count; k += 64 / sizeof(T)) __builtin_prefetch(out + place + k, 1);
  }
  template <class L>
  void take(std::uint64_t place, typename L::M32 mask) {
    L::zero_where(out + place, mask);
  }
  template <class L>
  void take_first(int count, std::uint64_t place, typename L::M32 mask) {
    const std::uint32_t bits = L::mask_bits(mask);
    for (int k = 0; k < count; ++k) {
      if (bits >> k & 1) out[place + k] = 0;
    }
  }
};

struct KeptPlaces {
  Kept& kept;
  void expect(std::uint64_t, std::uint64_t) const {}
  template <class L>
  void take(std::uint64_t place, typename L::M32 mask) {
    take_first<L>(L::width, place, mask);
  }
  template <class L>
  void take_first(int count, std::uint64_t place, typename L::M32 mask) {
    std::uint32_t bits = ~L::mask_bits(mask) & ((std::uint32_t(1) << count) - 1);
    if (bits == 0) return;
    if (kept.size + L::width > kept.capacity) kept.grow(kept);
    if (kept.failed) return;
    for (; bits; bits &= bits - 1) kept.places[kept.size++] = place + __builtin_ctz(bits);
  }
};

// Calls decide(k) for each vector of `count` elements, which gives the mask of the elements from k on.
template <class L, class Sink, class Decide>
FASTINIT_INLINE void take_all(Sink& sink, std::uint64_t place, std::uint64_t count, const Decide& decide) {
  std::uint64_t k = 0;
  for (; k + L::width <= count; k += L::width) sink.template take<L>(place + k, decide(k));
  if (k < count) sink.template take_first<L>(static_cast<int>(count - k), place + k, decide(k));
}

// ---- samples side by side: columns of neighbouring elements

// Columns [column, column + width) of neighbouring elements.
template <class L, class Sink>
void mask_strip(const Request& r, Column column, std::uint64_t width, Sink& sink) {
  using U32 = typename L::U32;
  Walk walk = walk_along(r);
  const bool in_succession = r.stride[walk.axis] == width;
  Words<L> words(r, in_succession);
  alignas(64) std::uint32_t need[strip + padding];
  do {
    const std::uint64_t done = walk.position % r.period;
    if (done == 0) {
      for (std::uint64_t k = 0; k < width + padding; ++k) need[k] = static_cast<std::uint32_t>(r.zeros);
    }
    const U32 left = L::u32(static_cast<std::uint32_t>(r.period - done));
    const std::uint32_t* const word = words.at(column.flat + walk.flat, width);
    const auto decide = [&](std::uint64_t k) {
      const U32 before = L::load(need + k);
      const auto mask = is_zeroed<L>(L::load(word + k), left, before);
      L::store(need + k, L::select(mask, before - 1, before));
      return mask;
    };
    std::uint64_t distance;
    if (in_part(r, walk, distance)) {
      sink.expect(column.place + distance + walk.spacing, width);
      take_all<L>(sink, column.place + distance, width, decide);
    } else {
      for (std::uint64_t k = 0; k < width; k += L::width) decide(k);
    }
  } while (advance(r, walk));
}

template <class L, class Sink>
void mask_columns(const Request& r, std::uint64_t begin, std::uint64_t end, Sink& sink) {
  const std::uint64_t inner = r.extent[r.rank - 1];
  for (std::uint64_t column = begin; column < end;) {
    std::uint64_t width = inner - column % inner;
    if (width > strip) width = strip;
    if (width > end - column) width = end - column;
    mask_strip<L>(r, column_at(r, column), width, sink);
    column += width;
  }
}

// ---- samples one after the other: rows of neighbouring elements

constexpr std::uint64_t word_bits = 32;

// As many rows as a vector has lanes: their words, and which of them zero, one bit each.
template <class L>
struct Rows {
  alignas(64) std::uint32_t word[L::width][segment];
  std::uint32_t zeroed[L::width][segment / word_bits + 1];
  typename L::U32 need;
  std::uint64_t left;
};

// Decides about the next `count` words of each row. They are turned in squares, so that each lane counts one row's.
template <class L>
void decide_rows(const Request& r, std::uint64_t count, Rows<L>& rows) {
  using U32 = typename L::U32;
  const U32 zeros = L::u32(static_cast<std::uint32_t>(r.zeros));
  for (std::uint64_t at = 0; at < count; at += word_bits) {
    U32 zeroed = L::u32(0);
    for (std::uint64_t k = 0; k < word_bits && at + k < count; k += L::width) {
      U32 word[L::width];
      for (int row = 0; row < L::width; ++row) word[row] = L::load(rows.word[row] + at + k);
      L::transpose(word);
      const int size = count - at - k < L::width ? static_cast<int>(count - at - k) : L::width;
      for (int j = 0; j < size; ++j, --rows.left) {
        if (rows.left == 0) {
          rows.left = r.period;
          rows.need = zeros;
        }
        const auto mask = is_zeroed<L>(word[j], L::u32(static_cast<std::uint32_t>(rows.left)), rows.need);
        rows.need = L::select(mask, rows.need - 1, rows.need);
        zeroed = L::select(mask, zeroed | (std::uint32_t(1) << (k + j)), zeroed);
      }
    }
    alignas(64) std::uint32_t bits[L::width];
    L::store(bits, zeroed);
    for (int row = 0; row < L::width; ++row) rows.zeroed[row][at / word_bits] = bits[row];
  }
}

// `width` bits from bit k on.
template <class L>
FASTINIT_INLINE typename L::M32 mask_at(const std::uint32_t* bits, std::uint64_t k) {
  const std::uint64_t both = bits[k / word_bits] | std::uint64_t(bits[k / word_bits + 1]) << word_bits;
  return L::mask_of(static_cast<std::uint32_t>(both >> k % word_bits));
}

// Rows [first_row, first_row + count) of neighbouring elements, count <= L::width.
template <class L, class Sink>
void mask_rows_together(const Request& r, std::uint64_t first_row, int count, Sink& sink) {
  const MaskWords<L> words{{r.seed, r.stream}};
  Rows<L> rows;
  rows.left = 0;
  rows.need = L::u32(0);
  std::memset(rows.word, 0, sizeof rows.word);
  std::memset(rows.zeroed, 0, sizeof rows.zeroed);
  Column column[L::width];
  for (int row = 0; row < count; ++row) column[row] = column_at(r, first_row + row);
  Walk walk = walk_along(r);
  const int inner = static_cast<int>(r.rank) - 1;
  const auto [start, stop] = sample_axis(r, inner);
  const std::uint64_t end = start + r.extent[inner];
  do {
    std::uint64_t distance;
    const bool wanted = in_part(r, walk, distance);
    for (std::uint64_t at = walk.axis >= 0 ? 0 : start / r.period * r.period; at < stop; at += segment) {
      const std::uint64_t size = stop - at < segment ? stop - at : segment;
      for (int row = 0; row < count; ++row) {
        fill_run(words, column[row].flat + walk.flat + at - start, size, rows.word[row]);
      }
      decide_rows<L>(r, size, rows);
      const std::uint64_t from = at < start ? start : at, to = at + size < end ? at + size : end;
      if (!wanted || from >= to) continue;
      for (int row = 0; row < count; ++row) {
        const std::uint32_t* const bits = rows.zeroed[row];
        take_all<L>(sink, column[row].place + distance + from - start, to - from,
                    [&](std::uint64_t k) { return mask_at<L>(bits, from - at + k); });
      }
    }
  } while (advance(r, walk));
}

template <class L, class Sink>
void mask_rows(const Request& r, std::uint64_t begin, std::uint64_t end, Sink& sink) {
  for (std::uint64_t row = begin; row < end; row += L::width) {
    const std::uint64_t left = end - row;
    mask_rows_together<L>(r, row, left < L::width ? static_cast<int>(left) : L::width, sink);
  }
}

// ---- each element by itself

template <class L, class Sink>
void mask_elements(const Request& r, std::uint64_t begin, std::uint64_t end, Sink& sink) {
  Words<L> words(r, false);
  const auto threshold = L::u32(static_cast<std::uint32_t>(r.zeros));
  for_each_run(r, begin, end, [&](std::uint64_t first, std::uint64_t count, std::uint64_t place) {
    for (std::uint64_t done = 0; done < count; done += strip) {
      const std::uint64_t size = count - done < strip ? count - done : strip;
      const std::uint32_t* const word = words.at(first + done, size);
      take_all<L>(sink, place + done, size,
                  [&](std::uint64_t k) { return is_zeroed<L>(L::load(word + k), threshold); });
    }
  });
}

// ---- from a request to its kernel

template <class L, class Sink>
void mask_into(const Request& r, std::uint64_t begin, std::uint64_t end, Sink sink) {
  if (r.distribution == bernoulli) {
    mask_elements<L>(r, begin, end, sink);
  } else if (samples_run_along_innermost(r)) {
    mask_rows<L>(r, begin, end, sink);
  } else {
    mask_columns<L>(r, begin, end, sink);
  }
}

template <class L>
void mask(const Request& r, std::uint64_t begin, std::uint64_t end) {
  switch (r.item_size) {
    case 1:
      return mask_into<L>(r, begin, end, Zeros<std::uint8_t>{reinterpret_cast<std::uint8_t*>(r.address)});
    case 2:
      return mask_into<L>(r, begin, end, Zeros<std::uint16_t>{reinterpret_cast<std::uint16_t*>(r.address)});
    case 4:
      return mask_into<L>(r, begin, end, Zeros<std::uint32_t>{reinterpret_cast<std::uint32_t*>(r.address)});
    default:
      return mask_into<L>(r, begin, end, Zeros<std::uint64_t>{reinterpret_cast<std::uint64_t*>(r.address)});
  }
}

template <class L>
void keep(const Request& r, std::uint64_t begin, std::uint64_t end, Kept& kept) {
  mask_into<L>(r, begin, end, KeptPlaces{kept});
}

}  // namespace
}  // namespace fastinit
