// Groups of L::blocks successive Philox blocks of four elements each, for any lane type: their values, as elements of a
// dtype in memory.
#pragma once

#include <cstring>

#include "cpu/fill/tuning.inl"
#include "numerics/narrow.h"
#include "numerics/philox.h"
#include "numerics/precision.h"

namespace fastinit {
namespace {

// A source is what the blocks of a stream are made into. Each has
//
// - Item: what an element is in memory.
// - order<L>: the order of blocks that its stores need; see block_order in lanes/scalar.h.
// - InFlight<L>: the lane type and the groups of a loop over many blocks (tuning.inl).
// - prepare<L>(): its numbers in all lanes, once before a loop.
// - fill<L, groups>(prepared, high, first, out): writes successive groups of blocks. Their numbers have the high half
//   of `high`, whose low half is 0, and the low halves that have the products `first` in Philox's first round.

// Values that are computed in float32. Formula is one of numerics/distributions.h, Element a dtype of
// numerics/narrow.h.
template <class Formula, class Element>
struct Values32 {
  using Item = typename Element::Item;
  template <class L>
  using InFlight = InFlightOf<L, Formula>;
  const double* parameter;
  Stream stream;

  template <class L>
  static constexpr int order = Element::template order<L>;

  template <class L>
  FASTINIT_MEMBER auto prepare() const {
    return Formula::template prepare<Precision32<L>>(parameter);
  }

  template <class L, int groups, class Draw>
  FASTINIT_MEMBER void fill(const Draw& draw, std::uint64_t high, typename L::U64 first, Item* out) const {
    typename L::U64 even_words[groups], odd_words[groups];
    philox_pairs<L, groups>(stream, high | purpose_values, first, even_words, odd_words);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U32 a[L::halves], b[L::halves];
      typename L::F32 even[L::halves], odd[L::halves];
      L::split(even_words[g], a);
      L::split(odd_words[g], b);
      for (int h = 0; h < L::halves; ++h) draw(a[h], b[h], even[h], odd[h]);
      Element::template store<L>(out + g * 4 * L::blocks, even, odd);
    }
  }
};

template <class Formula>
struct Values64 {
  using Item = double;
  template <class L>
  using InFlight = InFlightFour<L>;
  const double* parameter;
  Stream stream;

  template <class L>
  static constexpr int order = sizeof(double);

  template <class L>
  FASTINIT_MEMBER auto prepare() const {
    return Formula::template prepare<Precision64<L>>(parameter);
  }

  template <class L, int groups, class Draw>
  FASTINIT_MEMBER void fill(const Draw& draw, std::uint64_t high, typename L::U64 first, double* out) const {
    typename L::U64 word[groups][4];
    philox64<L, groups>(stream, high | purpose_values, first, word);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::F64 value[4];
      draw(word[g][0], word[g][1], value[0], value[1]);
      draw(word[g][2], word[g][3], value[2], value[3]);
      L::store(out + g * 4 * L::blocks, value);
    }
  }
};

constexpr std::uint64_t low_half = 0xffffffffu, cache_line = 64;

// Fetches memory that is written later. The processor's own prefetching needs stores in order, which compilers do not
// keep among those of a set: without this, sets of many stores take twice the time in arrays beyond the caches.
FASTINIT_INLINE void expect(const char* memory, std::uint64_t size) {
  FASTINIT_UNROLL
  for (std::uint64_t k = 0; k < size; k += cache_line) __builtin_prefetch(memory + k, 1);
}

// Writes `sets` times `groups` successive groups, all of whose blocks share their high half. Each is a function of its
// own: compilers allocate registers better in a small one.
template <class L, int groups, class Source>
__attribute__((noinline)) void fill_sets(const Source source, std::uint64_t block, std::uint64_t sets,
                                         typename Source::Item* out) {
  const auto prepared = source.template prepare<L>();
  constexpr std::uint64_t blocks = groups * L::blocks, set = 4 * blocks;
  auto first = first_products<L>(L::template block_order<Source::template order<L>>() + (block & low_half));
  for (; sets > 0; --sets, out += set) {
    expect(reinterpret_cast<const char*>(out) + prefetch_distance, set * sizeof *out);
    source.template fill<L, groups>(prepared, block & ~low_half, first, out);
    first = first + blocks * philox_multiplier0;
  }
}

// Writes the elements [first, first + count) of the whole array to `out`: whole sets of groups in place, and what is
// left through a buffer, or in single groups where it is less than half a set.
template <class L, class Source>
void fill_run(const Source& source, std::uint64_t first, std::uint64_t count, typename Source::Item* out) {
  using InFlight = typename Source::template InFlight<L>;
  using Many = typename InFlight::Lanes;
  constexpr std::uint64_t group = 4 * L::blocks, set = InFlight::groups * 4 * Many::blocks;
  typename Source::Item buffer[set];
  while (count > 0) {
    const std::uint64_t skipped = first % group, block = (first - skipped) / 4, needed = skipped + count;
    const std::uint64_t left = (low_half + 1 - (block & low_half)) * 4;  // elements whose blocks share their high half
    const bool in_sets = 2 * needed > set && left >= set;
    const std::uint64_t size = in_sets ? set : group, most = needed < left ? needed : left;
    const bool in_place = skipped == 0 && count >= size && (in_sets || count % size == 0);
    const std::uint64_t sets = in_place ? most / size : in_sets ? 1 : (most + size - 1) / size;
    const std::uint64_t drawn = sets * size - skipped, done = drawn < count ? drawn : count;
    typename Source::Item* const target = in_place ? out : buffer;
    if (in_sets) {
      fill_sets<Many, InFlight::groups>(source, block, sets, target);
    } else {
      fill_sets<L, 1>(source, block, sets, target);
    }
    if (!in_place) std::memcpy(out, buffer + skipped, done * sizeof *out);
    first += done;
    out += done;
    count -= done;
  }
}

// Writes the elements with these flat indices to `out`, one after the other, from as many blocks at once as there are
// lanes.
template <class L, class Source>
__attribute__((noinline)) void gather_elements(const Source source, const std::uint64_t* flat, std::uint64_t count,
                                               typename Source::Item* out) {
  constexpr std::uint64_t blocks = L::blocks;
  const auto prepared = source.template prepare<L>();
  std::uint64_t order[blocks], low[blocks];
  const auto in_order = L::template block_order<Source::template order<L>>();
  std::memcpy(order, &in_order, sizeof order);
  while (count > 0) {
    const std::uint64_t high = flat[0] / 4 & ~low_half;
    std::uint64_t together = 1;  // blocks that share their high half
    while (together < blocks && together < count && (flat[together] / 4 & ~low_half) == high) ++together;
    for (std::uint64_t lane = 0; lane < blocks; ++lane) {
      low[lane] = flat[order[lane] < together ? order[lane] : 0] / 4 & low_half;
    }
    typename L::U64 lanes;
    std::memcpy(&lanes, low, sizeof low);
    typename Source::Item buffer[4 * blocks];
    source.template fill<L, 1>(prepared, high, first_products<L>(lanes), buffer);
    for (std::uint64_t k = 0; k < together; ++k) out[k] = buffer[4 * k + flat[k] % 4];
    flat += together;
    out += together;
    count -= together;
  }
}

}  // namespace
}  // namespace fastinit
