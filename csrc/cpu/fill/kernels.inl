// The loops over a request's elements, for any lane type: each instruction set's file includes this once.
#include <cstring>
#include <type_traits>

#include "cpu/dispatch.h"
#include "numerics/distributions.h"
#include "request/request.h"
#include "lanes/scalar.h"
#include "numerics/philox.h"

namespace fastinit {
namespace {

// ---- groups: L::blocks successive blocks of four elements each

template <class L, class Draw, class Sink>
struct Groups32 {
  using Lanes = L;
  using Item = typename Sink::Item;
  Draw draw;
  Stream stream;
  explicit Groups32(const Request& r) : draw(r), stream{r.seed, r.stream} {}

  static constexpr int order = Sink::order;

  // The blocks from `block` on, or those that `lane` adds to it: in the order of the lanes that the sink expects.
  template <int groups>
  void fill(std::uint64_t block, Item* out, typename L::U64 lane = L::template block_order<Sink::order>()) const {
    typename L::U64 word[groups][4];
    philox<L, groups>(stream, block | purpose_values, lane, word);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U32 a[L::halves], b[L::halves];
      typename L::F32 even[L::halves], odd[L::halves];
      L::even_and_odd(word[g], a, b);
      for (int h = 0; h < L::halves; ++h) draw(a[h], b[h], even[h], odd[h]);
      Sink::store(out + g * 4 * L::blocks, even, odd);
    }
  }
};

template <class L, class Draw>
struct Groups64 {
  using Lanes = L;
  using Item = double;
  Draw draw;
  Stream stream;
  explicit Groups64(const Request& r) : draw(r), stream{r.seed, r.stream} {}

  static constexpr int order = 8;

  template <int groups>
  void fill(std::uint64_t block, double* out, typename L::U64 lane = L::template block_order<8>()) const {
    typename L::U64 high[groups][4], low[groups][4];
    philox<L, groups>(stream, block | purpose_values, lane, high);
    philox<L, groups>(stream, block | purpose_low_words, lane, low);
    FASTINIT_UNROLL
    for (int g = 0; g < groups; ++g) {
      typename L::U64 word[4];
      for (int j = 0; j < 4; ++j) word[j] = high[g][j] << 32 | (low[g][j] & 0xffffffffu);
      typename L::F64 value[4];
      draw(word[0], word[1], value[0], value[1]);
      draw(word[2], word[3], value[2], value[3]);
      L::store(out + g * 4 * L::blocks, value);
    }
  }
};

// Elements [first, first + count) of the whole array to `out`: whole sets of groups in place, the ends through a
// buffer. One call for both, so that the compiler puts the loop's body here and keeps its constants in registers.
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

// Calls run(first, count, position) for each stretch of the part's elements [begin, end) that is contiguous in the
// whole array: `first` is its flat index there, `position` its place in the part.
template <class Run>
void for_each_run(const Request& r, std::uint64_t begin, std::uint64_t end, const Run& run) {
  const int last = static_cast<int>(r.rank) - 1;
  const std::uint64_t length = r.extent[last];
  std::uint64_t index[maximum_rank];
  std::uint64_t row = r.offset, rest = begin / length, skipped = begin % length;
  for (int axis = last - 1; axis >= 0; --axis) {
    index[axis] = rest % r.extent[axis];
    rest /= r.extent[axis];
    row += index[axis] * r.stride[axis];
  }
  for (std::uint64_t position = begin; position < end;) {
    const std::uint64_t left = length - skipped, wanted = end - position;
    const std::uint64_t count = left < wanted ? left : wanted;
    run(row + skipped, count, position);
    position += count;
    skipped = 0;
    for (int axis = last - 1; axis >= 0; --axis) {
      row += r.stride[axis];
      if (++index[axis] < r.extent[axis]) break;
      row -= r.extent[axis] * r.stride[axis];
      index[axis] = 0;
    }
  }
}

// The elements with these flat indices to `out`, one after the other: as many blocks at once as there are lanes.
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

// ---- from a request to its kernel: an action, and the dispatch to the groups that it acts by

template <class T>
void fill_constant_items(const Request& r, void* out, std::uint64_t count) {
  const T value = static_cast<T>(r.pattern);
  for (std::uint64_t i = 0; i < count; ++i) static_cast<T*>(out)[i] = value;
}

void fill_constant(const Request& r, void* out, std::uint64_t count) {
  switch (r.item_size) {
    case 1:
      return fill_constant_items<std::uint8_t>(r, out, count);
    case 2:
      return fill_constant_items<std::uint16_t>(r, out, count);
    case 4:
      return fill_constant_items<std::uint32_t>(r, out, count);
    default:
      return fill_constant_items<std::uint64_t>(r, out, count);
  }
}

// Writes the elements [begin, end) of the part.
struct FillPart {
  std::uint64_t begin, end;
  void constants(const Request& r) const {
    fill_constant(r, reinterpret_cast<char*>(r.address) + begin * r.item_size, end - begin);
  }
  template <class Groups>
  void act(const Request& r) const {
    const Groups groups(r);
    const auto out = reinterpret_cast<typename Groups::Item*>(r.address);
    for_each_run(r, begin, end, [&](std::uint64_t first, std::uint64_t count, std::uint64_t position) {
      fill_run(groups, first, count, out + position);
    });
  }
};

// Writes the elements with some flat indices.
struct Gather {
  const std::uint64_t* flat;
  std::uint64_t count;
  void* out;
  void constants(const Request& r) const { fill_constant(r, out, count); }
  template <class Groups>
  void act(const Request& r) const {
    gather_elements(Groups(r), flat, count, static_cast<typename Groups::Item*>(out));
  }
};

template <class L, class Kind, class Action>
void for_dtype(const Request& r, const Action& action) {
  using Draw32 = typename Kind::template Draw<Words32<L>>;
  using Code8 = std::uint8_t;
  using Code16 = std::uint16_t;
  using Float16 = std::conditional_t<L::rounds_to_float16, ConvertedFloat16<L>, Narrow<L, Code16, float16_code<L>>>;
  switch (r.dtype) {
    case float64:
      return action.template act<Groups64<L, typename Kind::template Draw<Words64<L>>>>(r);
    case float32:
      return action.template act<Groups32<L, Draw32, Float32<L>>>(r);
    case float16:
      return action.template act<Groups32<L, Draw32, Float16>>(r);
    case bfloat16:
      return action.template act<Groups32<L, Draw32, Narrow<L, Code16, bfloat16_code<L>>>>(r);
    case float8_e4m3fn:
      return action.template act<Groups32<L, Draw32, Narrow<L, Code8, float8_e4m3fn_code<L>>>>(r);
    case float8_e5m2:
      return action.template act<Groups32<L, Draw32, Narrow<L, Code8, float8_e5m2_code<L>>>>(r);
  }
}

template <class L, class Action>
void for_uniform(const Request& r, const Action& action) {
  const bool clamps =
      r.dtype == float64 ? leaves_bounds<Words64<ScalarLanes>>(r) : leaves_bounds<Words32<ScalarLanes>>(r);
  clamps ? for_dtype<L, ClampedUniformKind>(r, action) : for_dtype<L, UniformKind>(r, action);
}

template <class L, class Action>
void for_truncated(const Request& r, const Action& action) {
  switch (static_cast<Cut>(r.cut)) {
    case Cut::centre:
      return for_dtype<L, TruncatedKind<Cut::centre>>(r, action);
    case Cut::wide_symmetric:
      return for_dtype<L, TruncatedKind<Cut::wide_symmetric>>(r, action);
    case Cut::wide:
      return for_dtype<L, TruncatedKind<Cut::wide>>(r, action);
    case Cut::tail:
      return for_dtype<L, TruncatedKind<Cut::tail>>(r, action);
  }
}

template <class L, class Action>
void for_distribution(const Request& r, const Action& action) {
  switch (r.distribution) {
    case constant:
      return action.constants(r);
    case uniform_distribution:
      return for_uniform<L>(r, action);
    case normal_distribution:
      return for_dtype<L, NormalKind>(r, action);
    case truncated:
      return for_truncated<L>(r, action);
  }
}

template <class L>
void fill(const Request& r, std::uint64_t begin, std::uint64_t end) {
  for_distribution<L>(r, FillPart{begin, end});
}

template <class L>
void gather(const Request& r, const std::uint64_t* flat, std::uint64_t count, void* out) {
  for_distribution<L>(r, Gather{flat, count, out});
}

}  // namespace
}  // namespace fastinit
