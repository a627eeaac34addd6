// A request: one tensor's fill as plain numbers, the only thing that native code ever sees. Python writes these records
// through a NumPy dtype that the bindings derive from this struct; a list of them is one contiguous array.
#pragma once

#include <cstdint>

namespace fastinit {

enum Distribution : std::uint32_t {
  constant = 0,
  uniform_distribution = 1,
  normal_distribution = 2,
  truncated = 3,
  orthogonal = 4,  // whole matrices or parts of them, see cpu/orthogonal.h
  subset = 5,      // zeroes exactly so many elements of every sample, and leaves the others as they are
  bernoulli = 6,   // zeroes each element with a probability
  scatter = 7      // writes `pattern` to elements that `stride` steps through in the memory at `address`
};

// The dtypes of drawn values. Constants of any dtype are bit patterns: see Request::pattern.
enum Dtype : std::uint32_t { float64 = 0, float32 = 1, float16 = 2, bfloat16 = 3, float8_e4m3fn = 4, float8_e5m2 = 5 };

constexpr int maximum_rank = 8;
constexpr int parameter_count = 16;

struct Request {
  // Where the values go and which they are.
  std::uint64_t address;  // of the destination, which is contiguous in C order
  std::uint64_t count;    // elements of the part: the product of the extents
  std::uint64_t seed;
  std::uint64_t stream;
  std::uint64_t offset;                // the part's first element, as a flat index in the whole array
  std::uint64_t rank;                  // of the part, once axes that are contiguous in the whole are merged
  std::uint64_t extent[maximum_rank];  // of the part, outermost first; the last axis is contiguous
  std::uint64_t stride[maximum_rank];  // of the whole, in elements

  // What is drawn.
  std::uint32_t distribution;
  std::uint32_t dtype;
  std::uint32_t item_size;  // bytes an element
  std::uint32_t cut;        // truncated: which formulation. orthogonal: what each axis is
  // constant: the element's bits, in the low `item_size` bytes. orthogonal: elements of the whole array.
  std::uint64_t pattern;
  // orthogonal: gain. uniform: half, mid, low, high (the last two inclusive, values of the dtype). normal: std, mean.
  // truncated: std, mean, low, high, then the constants of the cut.
  double parameter[parameter_count];

  // subset: element i of axis k lies i step[k] further in its sample, 0 where the axis counts samples; the axes that
  // samples run along are all those of the whole array, in C order. A sample starts anew every `period` positions.
  std::uint64_t step[maximum_rank];
  std::uint64_t position;  // of the part's first element
  std::uint64_t period;    // below 2^32
  std::uint64_t zeros;     // of every `period` elements; bernoulli: the words below it zero, below 2^32
};

}  // namespace fastinit
