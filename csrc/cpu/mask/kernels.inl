// Masks, for any lane type. Words are drawn in long runs into a buffer that stays in the nearest cache; decisions about
// them go to a sink.
#pragma once

#include <cstring>

#include "cpu/fill/groups.inl"
#include "cpu/items.inl"
#include "cpu/mask/growing_list.h"
#include "cpu/runs.inl"
#include "numerics/masks.h"
#include "request/blocks.h"
#include "request/samples.h"

namespace fastinit {
namespace {

constexpr std::uint64_t mask_columns_at_once = 2048;  // their counters and words fill half of a 32 kB cache
constexpr std::uint64_t segment = 256;  // elements of each row at a time, of as many rows as a vector has lanes
constexpr int padding = 16;             // elements after the end of a buffer, so that loops need only whole vectors

// ---- words

struct MaskWords {
  using Item = std::uint32_t;
  template <class L>
  using InFlight = InFlightWords<L>;
  struct Nothing {};
  Stream stream;

  template <class L>
  static constexpr int order = sizeof(Item);

  template <class L>
  FASTINIT_MEMBER Nothing prepare() const {
    return {};
  }

  template <class L, int groups>
  FASTINIT_MEMBER void fill(Nothing, std::uint64_t high, typename L::U64 first, Item* out) const {
    typename L::U64 even_words[groups], odd_words[groups];
    philox_pairs<L, groups>(stream, high | purpose_masks, first, even_words, odd_words);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U32 even[L::halves], odd[L::halves];
      L::split(even_words[g], even);
      L::split(odd_words[g], odd);
      L::store(out + g * 4 * L::blocks, even, odd);
    }
  }
};

// The words of stretches of up to `mask_columns_at_once` elements. Where stretches follow each other in the whole
// array, as many as fit are drawn at once, since rows may be only a few elements long.
template <class L>
class WordBuffer {
  static_assert(L::width <= padding, "the padding takes a whole vector");

 public:
  WordBuffer(const Request& r, bool in_succession) : words_{{r.seed, r.stream}}, in_succession_(in_succession) {}

  const std::uint32_t* at(std::uint64_t flat, std::uint64_t count) {
    if (flat - first_ + count > held_ || flat < first_) {
      first_ = flat;
      held_ = in_succession_ ? mask_columns_at_once : count;
      fill_run<L>(words_, first_, held_, buffer_);
      for (int k = 0; k < padding; ++k) buffer_[held_ + k] = 0;
    }
    return buffer_ + (flat - first_);
  }

 private:
  MaskWords words_;
  bool in_succession_;
  std::uint64_t first_ = 0, held_ = 0;
  alignas(64) std::uint32_t buffer_[mask_columns_at_once + padding];
};

// ---- sinks: what happens to a vector of elements from `place` on; `mask` is set for those that are zeroed

template <class T>
struct Zeros {
  T* out;
  // Rows are so far apart that the processor does not prefetch the next one by itself.
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

struct Nonzeros {
  GrowingList& list;
  void expect(std::uint64_t, std::uint64_t) const {}
  template <class L>
  void take(std::uint64_t place, typename L::M32 mask) {
    take_first<L>(L::width, place, mask);
  }
  template <class L>
  void take_first(int count, std::uint64_t place, typename L::M32 mask) {
    std::uint32_t bits = ~L::mask_bits(mask) & ((std::uint32_t(1) << count) - 1);
    if (bits == 0) return;
    if (list.size + L::width > list.capacity) list.grow(list);
    if (list.failed) return;
    for (; bits; bits &= bits - 1) list.item[list.size++] = place + __builtin_ctz(bits);
  }
};

// Calls decide(k) for each vector of `count` elements; it returns the mask of the elements from k on.
template <class L, class Sink, class Decide>
FASTINIT_INLINE void take_all(Sink& sink, std::uint64_t place, std::uint64_t count, const Decide& decide) {
  std::uint64_t k = 0;
  for (; k + L::width <= count; k += L::width) sink.template take<L>(place + k, decide(k));
  if (k < count) sink.template take_first<L>(static_cast<int>(count - k), place + k, decide(k));
}

// ---- samples side by side: columns of neighboring elements

// Columns [column, column + width) of neighboring elements.
template <class L, class Sink>
void mask_strip(const Request& r, Column column, std::uint64_t width, Sink& sink) {
  using U32 = typename L::U32;
  Walk walk = walk_along(r);
  const bool in_succession = r.stride[walk.axis] == width;
  WordBuffer<L> words(r, in_succession);
  alignas(64) std::uint32_t need[mask_columns_at_once + padding];
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
    if (width > mask_columns_at_once) width = mask_columns_at_once;
    if (width > end - column) width = end - column;
    mask_strip<L>(r, column_at(r, column), width, sink);
    column += width;
  }
}

// ---- samples one after the other: rows of neighboring elements

constexpr std::uint64_t word_bits = 32;

// As many rows as a vector has lanes: their words, and one bit for each that zeroes its element.
template <class L>
struct Rows {
  static_assert(segment % L::width == 0 && word_bits % L::width == 0, "squares of words fill a row");
  alignas(64) std::uint32_t word[L::width][segment];
  std::uint32_t zeroed[L::width][segment / word_bits + 1];
  typename L::U32 need;
  std::uint64_t left;
};

// Decides about the next `count` words of each row. Squares of words are transposed, so that each lane counts one row.
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

// Rows [first_row, first_row + count) of neighboring elements, count <= L::width.
template <class L, class Sink>
void mask_rows_together(const Request& r, std::uint64_t first_row, int count, Sink& sink) {
  const MaskWords words{{r.seed, r.stream}};
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
        fill_run<L>(words, column[row].flat + walk.flat + at - start, size, rows.word[row]);
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

// ---- independent elements

template <class L, class Sink>
void mask_elements(const Request& r, std::uint64_t begin, std::uint64_t end, Sink& sink) {
  WordBuffer<L> words(r, false);
  const auto threshold = L::u32(static_cast<std::uint32_t>(r.threshold));
  for_each_run(r, begin, end, [&](std::uint64_t first, std::uint64_t count, std::uint64_t place) {
    for (std::uint64_t done = 0; done < count; done += mask_columns_at_once) {
      const std::uint64_t size = count - done < mask_columns_at_once ? count - done : mask_columns_at_once;
      const std::uint32_t* const word = words.at(first + done, size);
      take_all<L>(sink, place + done, size,
                  [&](std::uint64_t k) { return is_zeroed<L>(L::load(word + k), threshold); });
    }
  });
}

// ---- blocks of elements

template <class L, class Sink>
void mask_blocks(const Request& r, std::uint64_t begin, std::uint64_t end, Sink& sink) {
  WordBuffer<L> words(r, false);
  alignas(64) std::uint32_t word[mask_columns_at_once + padding] = {};  // of each element, that of its block
  const auto threshold = L::u32(static_cast<std::uint32_t>(r.threshold));
  const std::uint64_t length = r.extent[r.rank - 1], size = r.step[r.rank - 1];
  for (std::uint64_t element = begin; element < end;) {
    const RowOfBlocks row = row_of_blocks(r, element / length);
    const std::uint64_t in_row = element % length, at = row.phase + in_row;
    std::uint64_t count = length - in_row;
    if (count > end - element) count = end - element;
    if (count > mask_columns_at_once) count = mask_columns_at_once;
    const std::uint64_t blocks = (at % size + count - 1) / size + 1;
    const std::uint32_t* const of_block = words.at(row.first + at / size, blocks);
    std::uint64_t left = size - at % size;
    for (std::uint64_t k = 0, block = 0; k < count; ++k, --left) {
      if (left == 0) {
        left = size;
        ++block;
      }
      word[k] = of_block[block];
    }
    take_all<L>(sink, element, count, [&](std::uint64_t k) { return is_zeroed<L>(L::load(word + k), threshold); });
    element += count;
  }
}

// ---- from a request to its kernel

template <class L, class Sink>
void mask_into(const Request& r, std::uint64_t begin, std::uint64_t end, Sink sink) {
  if (r.distribution == Distribution::bernoulli_mask) {
    mask_elements<L>(r, begin, end, sink);
  } else if (r.distribution == Distribution::block_mask) {
    mask_blocks<L>(r, begin, end, sink);
  } else if (samples_run_along_innermost(r)) {
    mask_rows<L>(r, begin, end, sink);
  } else {
    mask_columns<L>(r, begin, end, sink);
  }
}

template <class L>
void mask(const Request& r, std::uint64_t begin, std::uint64_t end) {
  with_item(r.item_size, [&](auto item) {
    using Item = decltype(item);
    mask_into<L>(r, begin, end, Zeros<Item>{reinterpret_cast<Item*>(r.address)});
  });
}

template <class L>
void list_nonzeros(const Request& r, std::uint64_t begin, std::uint64_t end, GrowingList& list) {
  mask_into<L>(r, begin, end, Nonzeros{list});
}

// The request has one axis, whose elements are those of the whole array from `offset` on.
template <class L>
void list_keys(const Request& r, std::uint64_t begin, std::uint64_t end, KeyList& list) {
  WordBuffer<L> words(r, false);
  const auto first = L::u32(list.first), last = L::u32(list.last);
  for (std::uint64_t at = begin; at < end; at += mask_columns_at_once) {
    const std::uint64_t size = end - at < mask_columns_at_once ? end - at : mask_columns_at_once;
    const std::uint32_t* const word = words.at(r.offset + at, size);
    for (std::uint64_t k = 0; k < size; k += L::width) {
      const std::uint64_t count = size - k < L::width ? size - k : L::width;
      const std::uint32_t all = static_cast<std::uint32_t>((std::uint64_t(1) << count) - 1);
      const auto loaded = L::load(word + k);
      const std::uint32_t below = L::mask_bits(L::less(loaded, first)) & all;
      std::uint32_t bits = all & ~below & ~L::mask_bits(L::less(last, loaded));
      list.below += __builtin_popcount(below);
      if (bits == 0) continue;
      GrowingList& keys = list.keys;
      if (keys.size + L::width > keys.capacity) keys.grow(keys);
      if (keys.failed) return;
      for (; bits; bits &= bits - 1) {
        const std::uint64_t j = k + __builtin_ctz(bits);
        keys.item[keys.size++] = key_of(word[j], r.offset + at + j);
      }
    }
  }
}

}  // namespace
}  // namespace fastinit
