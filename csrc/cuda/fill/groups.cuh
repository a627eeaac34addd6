// From block numbers to 32-bit words of memory: draws in a GPU's thread, and the elements of each dtype. A block is a
// Philox block: four elements.
#pragma once

#include <type_traits>

#include "cuda/tuning.h"
#include "lanes/cuda.h"
#include "numerics/philox.h"
#include "request/request.h"

namespace fastinit {
namespace {

using Lanes = CudaLanes;

// Philox blocks that a thread draws per iteration: computations that do not depend on the block are done once for all
// of them, as far as registers allow.
template <class Formula>
constexpr int blocks_in_registers = fill_in_flight;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
// From this architecture on, the compiler keeps all of Philox's keys in registers.
template <>
constexpr int blocks_in_registers<TruncatedFormula<Truncation::center>> = fill_in_flight_truncated;
#endif
template <>
constexpr int blocks_in_registers<TruncatedFormula<Truncation::wide_symmetric>> = fill_in_flight_truncated;
template <>
constexpr int blocks_in_registers<TruncatedFormula<Truncation::wide>> = fill_in_flight_truncated;
template <>
constexpr int blocks_in_registers<TruncatedFormula<Truncation::tail>> = fill_in_flight_truncated;

template <class Formula, class Element>
struct Group32 {
  static constexpr int pieces = 1;
  // The bits of an element, an unsigned integer.
  using Item = std::conditional_t<sizeof(typename Element::Item) == 4, std::uint32_t, typename Element::Item>;
  using Draw = typename Formula::template Draw<Precision32<Lanes>>;
  static constexpr int words = sizeof(Item);                                                      // of a block
  static constexpr int blocks_at_once = fill_store_words < words ? 1 : fill_store_words / words;  // for one store
  static constexpr int words_at_once = blocks_at_once * words;
  static constexpr int blocks_in_flight =
      blocks_in_registers<Formula> < blocks_at_once ? blocks_at_once : blocks_in_registers<Formula>;
  Draw draw;
  Stream stream;
  __device__ explicit Group32(const Request& r)
      : draw(Formula::template prepare<Precision32<Lanes>>(r.parameter)), stream{r.seed, r.stream} {}

  template <int n, class Store>
  __device__ void fill(std::uint64_t block, const Store& store) const {
    constexpr int blocks = n / words;
    std::uint32_t word[n];
    std::uint64_t drawn[blocks][4];
    philox<Lanes, blocks>(stream, block | purpose_values, 0, drawn);
    FASTINIT_UNROLL
    for (int g = 0; g < blocks; ++g) {
      std::uint32_t a[4];
      for (int j = 0; j < 4; ++j) a[j] = static_cast<std::uint32_t>(drawn[g][j]);
      float value[4];
      draw(a[0], a[1], value[0], value[1]);
      draw(a[2], a[3], value[2], value[3]);
      Element::template pack<Lanes>(value, word + g * words);
    }
    store(0, word);
  }
};

// The words of a block of float64 values.
__device__ void draw_words64(Stream stream, std::uint64_t block, std::uint64_t (&word)[4]) {
  std::uint64_t high[1][4], low[1][4];
  philox<Lanes, 1>(stream, block | purpose_values, 0, high);
  philox<Lanes, 1>(stream, block | purpose_low_words, 0, low);
  for (int j = 0; j < 4; ++j) word[j] = word64<Lanes>(high[0][j], low[0][j]);
}

// Two float64 values as words of memory.
__device__ void pack64(const double (&value)[2], std::uint32_t (&word)[4]) {
  for (int j = 0; j < 2; ++j) {
    const std::uint64_t b = Lanes::bits(value[j]);
    word[2 * j] = static_cast<std::uint32_t>(b);
    word[2 * j + 1] = static_cast<std::uint32_t>(b >> 32);
  }
}

// Draws the four values of a block together.
template <class Formula>
struct Pairs64 {
  template <class Store>
  static __device__ void draw(const Request& r, const std::uint64_t (&drawn)[4], const Store& store) {
    const auto draw = Formula::template prepare<Precision64<Lanes>>(r.parameter);
    double value[2][2];
    for (int k = 0; k < 2; ++k) draw(drawn[2 * k], drawn[2 * k + 1], value[k][0], value[k][1]);
    std::uint32_t word[2][4];
    for (int k = 0; k < 2; ++k) {
      pack64(value[k], word[k]);
      store(k, word[k]);
    }
  }
};

// Draws the values one by one, because of the registers: constants are read again for each pair, and for asymmetric
// truncations only those of the half that the word is in.
template <Truncation formula>
struct Singles64 {
  template <class Store>
  static __device__ void draw(const Request& r, std::uint64_t (&drawn)[4], const Store& store) {
    FASTINIT_ROLLED
    for (int k = 0; k < 2; ++k) {
      Lanes::read_again();
      double value[2] = {};
      FASTINIT_ROLLED
      for (int j = 0; j < 2; ++j) {
        const int half = static_cast<int>(drawn[0] >> 63);
        const auto draw =
            formula == Truncation::wide_symmetric
                ? TruncatedFormula<formula>::template prepare<Precision64<Lanes>>(r.parameter)
                : TruncatedFormula<formula>::template prepare<Precision64<Lanes>>(r.parameter, half, half);
        double same;
        value[0] = value[1];
        draw(drawn[0], drawn[0], value[1], same);
        drawn[0] = drawn[1];
      }
      std::uint32_t word[4];
      pack64(value, word);
      store(k, word);
      drawn[0] = drawn[2];
      drawn[1] = drawn[3];
    }
  }
};

template <class Formula>
struct Values64 : Pairs64<Formula> {};
template <>
struct Values64<TruncatedFormula<Truncation::wide_symmetric>> : Singles64<Truncation::wide_symmetric> {};
template <>
struct Values64<TruncatedFormula<Truncation::wide>> : Singles64<Truncation::wide> {};
template <>
struct Values64<TruncatedFormula<Truncation::tail>> : Singles64<Truncation::tail> {};

template <class Formula>
struct Group64 {
  using Item = std::uint64_t;
  static constexpr int words = 4, pieces = 2;  // the pairs of a block are stored one after the other
  static constexpr int blocks_at_once = 1, blocks_in_flight = 1, words_at_once = 2 * words;
  const Request& request;
  __device__ explicit Group64(const Request& r) : request(r) {}

  template <int n, class Store>
  __device__ void fill(std::uint64_t block, const Store& store) const {
    Lanes::read_again();
    std::uint64_t drawn[4];
    draw_words64({request.seed, request.stream}, block, drawn);
    Values64<Formula>::draw(request, drawn, store);
  }
};

}  // namespace
}  // namespace fastinit
