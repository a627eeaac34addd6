// How many groups of blocks a loop works on at once, by instruction set and formula, as measured on Zen 5 with g++ 12
// and compared with llvm-mca's models of Zen 2 to 4, Haswell, Skylake, Ice Lake and Golden Cove (benchmarks/ports.py).
//
// One group's words are a chain of about 60 cycles and its normals one of 120, while a group takes 20 to 60 cycles of
// the processor's ports. A processor overlaps successive groups by itself, but only as far as its schedulers look
// ahead, which is two groups or less. More groups need more registers than there are, and still more of them gain less
// than their loads and stores of registers take: in float64, where the words take twice the registers, that is sooner.
//
// More ways were measured and left out, since none is faster for every distribution, and the first, which gains most on
// Zen 5, loses as much by the models of Zen 2 and Skylake: the words of the next set drawn beside the values of this
// one, all at once or some rounds at a time; fewer instructions for the signs of normals; shuffles in place of Philox's
// shifts; words paired by one shuffle for a shuffle and a blend, after which elements are out of order; other flags of
// the compiler for scheduling. docs/benchmarks.md has the figures.
#pragma once

#include <type_traits>

#include "lanes/interleaved.h"
#include "numerics/distributions.h"

namespace fastinit {

struct ScalarLanes;
struct Avx2Lanes;
struct Avx512Lanes;

namespace {

// `groups_at_once` groups of the blocks of a lane type: the words of all of them, and then the values of one after the
// other.
template <class OfLanes, int groups_at_once>
struct InFlight {
  using Lanes = OfLanes;
  static constexpr int groups = groups_at_once;
};

// Bytes from a set's elements to those that are fetched meanwhile: one set or two, while which memory answers. What
// lies after the end of an array is fetched in vain, so it is no more than that.
//
// Stores that bypass the caches are not used. They save the reads of lines that are written whole: 8 to 14 % of the
// time in memory that has been written before, but nothing in new memory, which most arrays are drawn into.
constexpr std::uint64_t prefetch_distance = 2048;

template <class L>
using Two = Interleaved<L>;
template <class L>
using Four = Interleaved<Interleaved<L>>;

// Most values in float32.
template <class L>
struct InFlight32;
template <>
struct InFlight32<ScalarLanes> : InFlight<ScalarLanes, 1> {};
template <>
struct InFlight32<Avx2Lanes> : InFlight<Two<Avx2Lanes>, 3> {};
template <>
struct InFlight32<Avx512Lanes> : InFlight<Two<Avx512Lanes>, 4> {};

// Words alone. Rows of masks are often short, and a multiple of 64 long.
template <class L>
struct InFlightWords : InFlight32<L> {};
template <>
struct InFlightWords<Avx2Lanes> : InFlight<Four<Avx2Lanes>, 1> {};

// Values in float64, and single elements: each takes a block of its own, and few blocks at a time wait for their chain.
template <class L>
struct InFlightFour : InFlight<Four<L>, 1> {};
template <>
struct InFlightFour<ScalarLanes> : InFlight<ScalarLanes, 1> {};

// Truncations with two roots after each other have the longest chains.
template <class L, Truncation truncation>
struct InFlightTruncated : std::conditional_t<truncation == Truncation::center, InFlight32<L>, InFlight<Four<L>, 2>> {};

template <class L, class Formula>
struct InFlightOf : InFlight32<L> {};
template <Truncation truncation>
struct InFlightOf<Avx2Lanes, TruncatedFormula<truncation>> : InFlightTruncated<Avx2Lanes, truncation> {};
template <Truncation truncation>
struct InFlightOf<Avx512Lanes, TruncatedFormula<truncation>> : InFlightTruncated<Avx512Lanes, truncation> {};

}  // namespace
}  // namespace fastinit
