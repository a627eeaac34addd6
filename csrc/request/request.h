// A request is one tensor's fill as plain numbers, the only thing that native code ever sees. Python writes requests
// through a NumPy dtype that the bindings derive from this struct; a list of them is one contiguous array.
#pragma once

#include <cstdint>
#include <string_view>

#include "request/distributions.h"
#include "request/dtypes.h"

namespace fastinit {

constexpr int maximum_rank = 8;
constexpr int parameter_count = 16;
// The longest sample of an exact-count mask. Its counts are 32-bit numbers.
constexpr std::uint64_t largest_sample = 0xffffffffu;

// What an axis of a request for matrices is. The matrix has the indices of the row axes down and those of the column
// axes across, each in C order; each index of the batch axes is a matrix of its own; on a kernel axis the matrix lies
// at the center, (size - 1) / 2.
#define FASTINIT_AXIS_ROLES(ROW) ROW(row) ROW(column) ROW(batch) ROW(kernel)

enum class AxisRole : std::uint8_t {
#define FASTINIT_ROW(name) name,
  FASTINIT_AXIS_ROLES(FASTINIT_ROW)
#undef FASTINIT_ROW
};

// Their names, in the order of their codes.
constexpr std::string_view axis_role_names[] = {
#define FASTINIT_ROW(name) #name,
    FASTINIT_AXIS_ROLES(FASTINIT_ROW)
#undef FASTINIT_ROW
};

struct Request {
  // Where the elements go, and which random numbers they have.
  std::uint64_t address;  // of the destination, which is contiguous in C order unless the request scatters
  std::uint64_t count;    // elements of the part: the product of the extents
  std::uint64_t seed;
  std::uint64_t stream;
  std::uint64_t offset;                // flat index of the part's first element in the whole array
  std::uint64_t rank;                  // of the part, after axes that are contiguous in the whole are merged
  std::uint64_t extent[maximum_rank];  // of the part, outermost first; the last axis is contiguous
  std::uint64_t stride[maximum_rank];  // in elements: of the whole array, or of the memory that scatters step through

  // What is drawn.
  Distribution distribution;
  Dtype dtype;              // constants are bits of any dtype, and have no use for it
  std::uint32_t item_size;  // bytes per element
  std::uint32_t formula;    // which of the distribution's formulas draws it, where it has several
  double parameter[parameter_count];

  // Constants and scatters: the element's bits, in the low `item_size` bytes.
  std::uint64_t pattern;

  // Exact-count masks. A sample starts anew every `period` positions.
  std::uint64_t step[maximum_rank];  // positions from one element to the next on each axis; 0 where it counts samples
  std::uint64_t position;            // of the part's first element
  std::uint64_t period;              // at most largest_sample
  std::uint64_t zeros;               // among the elements of each sample

  // Bernoulli and block masks: elements whose word is below it are zeroed. Below 2^32. In a block mask `offset`,
  // `stride`, `step` and `position` say where the blocks lie, see request/blocks.h.
  std::uint64_t threshold;

  // Matrices.
  std::uint64_t whole_count;  // elements of the whole array
  AxisRole role[maximum_rank];
};

}  // namespace fastinit
