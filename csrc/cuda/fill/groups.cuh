// From block numbers to 32-bit words of memory: the draws of cpu/draws.inl in a GPU's thread, and what they become in
// each dtype. A block is Philox's: four elements.
#pragma once

#include "numerics/distributions.h"
#include "request/request.h"
#include "lanes/cuda.h"
#include "numerics/narrow.h"
#include "numerics/philox.h"

namespace fastinit {
namespace {

using Lanes = CudaLanes;

// What was read from memory is read again where it is next needed, and takes no register until then.
__device__ void read_again() { asm volatile("" ::: "memory"); }

// ---- sinks: four values -> the words of memory that hold them

struct Float32Words {
  using Item = std::uint32_t;
  static __device__ void pack(const float (&value)[4], std::uint32_t* word) {
    for (int j = 0; j < 4; ++j) word[j] = Lanes::bits(value[j]);
  }
};

struct BFloat16Words {
  using Item = std::uint16_t;
  template <class L = Lanes>
  static __device__ void pack(const float (&value)[4], std::uint32_t* word) {
    for (int j = 0; j < 2; ++j) {
      if constexpr (L::rounds_to_bfloat16) {
        word[j] = L::bfloat16_pair(value[2 * j], value[2 * j + 1]);
      } else {
        word[j] = bfloat16_code<L>(value[2 * j]) | bfloat16_code<L>(value[2 * j + 1]) << 16;
      }
    }
  }
};

struct Float16Words {
  using Item = std::uint16_t;
  static __device__ void pack(const float (&value)[4], std::uint32_t* word) {
    for (int j = 0; j < 2; ++j) word[j] = Lanes::float16_pair(value[2 * j], value[2 * j + 1]);
  }
};

template <std::uint32_t (*code)(float)>
struct Float8Words {
  using Item = std::uint8_t;
  static __device__ void pack(const float (&value)[4], std::uint32_t* word) {
    word[0] = code(value[0]) | code(value[1]) << 8 | code(value[2]) << 16 | code(value[3]) << 24;
  }
};

// ---- groups: successive blocks that share the high half of their numbers

// The blocks that a thread draws before it goes round its loop: what does not depend on the block is computed once for
// all of them, as far as registers go.
template <class Kind>
constexpr int blocks_in_registers = 4;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
// From here on the compiler keeps all of Philox's keys in registers.
template <>
constexpr int blocks_in_registers<TruncatedKind<Cut::centre>> = 2;
#endif
template <>
constexpr int blocks_in_registers<TruncatedKind<Cut::wide_symmetric>> = 2;
template <>
constexpr int blocks_in_registers<TruncatedKind<Cut::wide>> = 2;
template <>
constexpr int blocks_in_registers<TruncatedKind<Cut::tail>> = 2;

template <class Kind, class Sink>
struct Group32 {
  static constexpr int pieces = 1;
  using Item = typename Sink::Item;
  using Draw = typename Kind::template Draw<Words32<Lanes>>;
  static constexpr int words = sizeof(Item);        // that a block takes
  static constexpr int blocks_at_once = 4 / words;  // for one store of 16 bytes
  static constexpr int blocks_in_flight =
      blocks_in_registers<Kind> < blocks_at_once ? blocks_at_once : blocks_in_registers<Kind>;
  Draw draw;
  Stream stream;
  __device__ explicit Group32(const Request& r) : draw(r), stream{r.seed, r.stream} {}

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
      Sink::pack(value, word + g * words);
    }
    store(0, word);
  }
};

// The words of a block of float64 values.
__device__ void draw_words64(Stream stream, std::uint64_t block, std::uint64_t (&word)[4]) {
  std::uint64_t high[1][4], low[1][4];
  philox<Lanes, 1>(stream, block | purpose_values, 0, high);
  philox<Lanes, 1>(stream, block | purpose_low_words, 0, low);
  for (int j = 0; j < 4; ++j) word[j] = high[0][j] << 32 | (low[0][j] & 0xffffffffu);
}

// The pair of float64 values that a draw makes of two words, as words of memory.
__device__ void pack64(const double (&value)[2], std::uint32_t (&word)[4]) {
  for (int j = 0; j < 2; ++j) {
    const std::uint64_t b = Lanes::bits(value[j]);
    word[2 * j] = static_cast<std::uint32_t>(b);
    word[2 * j + 1] = static_cast<std::uint32_t>(b >> 32);
  }
}

// How the four values of a block are drawn: together.
template <class Kind>
struct Pairs64 {
  using Draw = typename Kind::template Draw<Words64<Lanes>>;
  template <class Store>
  static __device__ void draw(const Request& r, const std::uint64_t (&drawn)[4], const Store& store) {
    const Draw draw(r);
    double value[2][2];
    for (int k = 0; k < 2; ++k) draw(drawn[2 * k], drawn[2 * k + 1], value[k][0], value[k][1]);
    std::uint32_t word[2][4];
    for (int k = 0; k < 2; ++k) {
      pack64(value[k], word[k]);
      store(k, word[k]);
    }
  }
};

// One by one, with constants that are read anew for each pair, and of asymmetric cuts only those of the half that a
// word is in: registers hold no more.
template <Cut cut>
struct Singles64 {
  using Draw = typename TruncatedKind<cut>::template Draw<Words64<Lanes>>;

  template <class Store>
  static __device__ void draw(const Request& r, std::uint64_t (&drawn)[4], const Store& store) {
    FASTINIT_ROLLED
    for (int k = 0; k < 2; ++k) {
      read_again();
      double value[2] = {};
      FASTINIT_ROLLED
      for (int j = 0; j < 2; ++j) {
        const Draw draw(constants_for(r, drawn[0]));
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

 private:
  static __device__ Request constants_for(const Request& r, std::uint64_t word) {
    Request found;
    for (int k = 0; k < parameter_count; ++k) found.parameter[k] = r.parameter[k];
    if constexpr (cut != Cut::wide_symmetric) {
      static_assert(cut_offset_high == cut_offset_low + 1 && cut_anchor_high == cut_anchor_low + 1 &&
                        cut_mass_slope_high == cut_mass_slope_low + 1 && cut_mass_high == cut_mass_low + 1,
                    "the upper half's constant follows the lower half's");
      const int half = static_cast<int>(word >> 63);
      constexpr int low[] = {cut_offset_low, cut_anchor_low, cut_mass_slope_low, cut_mass_low};
      for (const int k : low) found.parameter[4 + k] = found.parameter[5 + k] = r.parameter[4 + k + half];
    }
    return found;
  }
};

template <class Kind>
struct Values64 : Pairs64<Kind> {};
template <>
struct Values64<TruncatedKind<Cut::wide_symmetric>> : Singles64<Cut::wide_symmetric> {};
template <>
struct Values64<TruncatedKind<Cut::wide>> : Singles64<Cut::wide> {};
template <>
struct Values64<TruncatedKind<Cut::tail>> : Singles64<Cut::tail> {};

template <class Kind>
struct Group64 {
  using Item = std::uint64_t;
  static constexpr int words = 4, pieces = 2;  // a block's pairs are stored one after the other
  static constexpr int blocks_at_once = 1, blocks_in_flight = 1;
  const Request& request;
  __device__ explicit Group64(const Request& r) : request(r) {}

  template <int n, class Store>
  __device__ void fill(std::uint64_t block, const Store& store) const {
    read_again();
    std::uint64_t drawn[4];
    draw_words64({request.seed, request.stream}, block, drawn);
    Values64<Kind>::draw(request, drawn, store);
  }
};

}  // namespace
}  // namespace fastinit
