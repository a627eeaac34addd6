// Groups of L::blocks successive Philox blocks of four elements each, for any lane type: their values, as elements of a
// dtype in memory.
#pragma once

#include <cstring>

#include "numerics/narrow.h"
#include "numerics/philox.h"
#include "numerics/precision.h"

namespace fastinit {
namespace {

// Values that are computed in float32. Draw is one of numerics/distributions.h, Element a dtype of numerics/narrow.h.
template <class L, class Draw, class Element>
struct Groups32 {
  using Lanes = L;
  using Item = typename Element::Item;
  Draw draw;
  Stream stream;

  static constexpr int order = Element::template order<L>;

  // Writes the blocks from `block` on, or those that `lane` adds to it, in the order of lanes that store() needs.
  template <int groups>
  void fill(std::uint64_t block, Item* out, typename L::U64 lane = L::template block_order<order>()) const {
    typename L::U64 word[groups][4];
    philox<L, groups>(stream, block | purpose_values, lane, word);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U32 a[L::halves], b[L::halves];
      typename L::F32 even[L::halves], odd[L::halves];
      L::even_and_odd(word[g], a, b);
      for (int h = 0; h < L::halves; ++h) draw(a[h], b[h], even[h], odd[h]);
      Element::template store<L>(out + g * 4 * L::blocks, even, odd);
    }
  }
};

template <class L, class Draw>
struct Groups64 {
  using Lanes = L;
  using Item = double;
  Draw draw;
  Stream stream;

  static constexpr int order = 8;

  template <int groups>
  void fill(std::uint64_t block, double* out, typename L::U64 lane = L::template block_order<8>()) const {
    typename L::U64 high[groups][4], low[groups][4];
    philox<L, groups>(stream, block | purpose_values, lane, high);
    philox<L, groups>(stream, block | purpose_low_words, lane, low);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U64 word[4];
      for (int j = 0; j < 4; ++j) word[j] = word64<L>(high[g][j], low[g][j]);
      typename L::F64 value[4];
      draw(word[0], word[1], value[0], value[1]);
      draw(word[2], word[3], value[2], value[3]);
      L::store(out + g * 4 * L::blocks, value);
    }
  }
};

// Writes the elements [first, first + count) of the whole array to `out`: whole sets of groups in place, the ends
// through a buffer. Both use the same call, so that the compiler inlines the loop's body and keeps its constants in
// registers.
template <class Groups>
void fill_run(const Groups& groups, std::uint64_t first, std::uint64_t count, typename Groups::Item* out) {
  constexpr int in_flight = Groups::Lanes::groups_in_flight;
  constexpr std::uint64_t blocks = Groups::Lanes::blocks, group = 4 * blocks;
  typename Groups::Item buffer[in_flight * group];
  while (count > 0) {
    const std::uint64_t skipped = first % group, block = (first - skipped) / 4;
    const bool one_group = skipped + count <= group || !shares_high_half(block, in_flight * blocks);
    const std::uint64_t size = one_group ? group : in_flight * group;
    const bool in_place = skipped == 0 && count >= size;
    typename Groups::Item* const target = in_place ? out : buffer;
    if (one_group) {
      groups.template fill<1>(block, target);
    } else {
      groups.template fill<in_flight>(block, target);
    }
    const std::uint64_t done = count < size - skipped ? count : size - skipped;
    if (!in_place) std::memcpy(out, buffer + skipped, done * sizeof *out);
    first += done;
    out += done;
    count -= done;
  }
}

// Writes the elements with these flat indices to `out`, one after the other, from as many blocks at once as there are
// lanes.
template <class Groups>
void gather_elements(const Groups& groups, const std::uint64_t* flat, std::uint64_t count, typename Groups::Item* out) {
  using L = typename Groups::Lanes;
  constexpr std::uint64_t blocks = L::blocks, low_half = 0xffffffffu;
  std::uint64_t order[blocks], low[blocks];
  const auto in_order = L::template block_order<Groups::order>();
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
    typename Groups::Item buffer[4 * blocks];
    groups.template fill<1>(high, buffer, lanes);
    for (std::uint64_t k = 0; k < together; ++k) out[k] = buffer[4 * k + flat[k] % 4];
    flat += together;
    out += together;
    count -= together;
  }
}

}  // namespace
}  // namespace fastinit
