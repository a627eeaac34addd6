// Where the samples of a mask lie. Integers alone: for any processor, and for each thread of a GPU.
//
// An axis with a step runs along samples; the others count samples, which are called columns here whichever way they
// lie. What is zeroed depends on what was zeroed before, so a column's elements are met in the order of their
// positions, from the start of the sample in which the part begins, also where that lies outside the part.
#pragma once

#include "cpu/request.h"
#include "numerics/inline.h"

namespace fastinit {

// Goes through the positions along the samples. Axes are those with a step, outermost first.
struct Walk {
  int axes;  // that are walked; one more, the innermost of the request, may be left to the caller
  std::uint64_t index[maximum_rank], start[maximum_rank];  // in the whole array
  std::uint64_t extent[maximum_rank], stop[maximum_rank];  // of the part; where the walk ends
  std::uint64_t step[maximum_rank], stride[maximum_rank];  // in the sample and in the whole array
  std::uint64_t spacing[maximum_rank];                     // in the part
  std::uint64_t position;                                  // in the sample
  std::uint64_t flat;  // index in the whole array less that of the column's first element, modulo 2^64
};

// The first element of a column that lies in the part.
struct Column {
  std::uint64_t flat;   // its index in the whole array
  std::uint64_t place;  // its index in the part
};

FASTINIT_INLINE bool samples_run_along_innermost(const Request& r) { return r.step[r.rank - 1] != 0; }

// The walk over all axes with a step but, where samples run along it, the innermost of the request.
FASTINIT_INLINE Walk walk_along(const Request& r) {
  Walk w = {};
  int found = 0;
  std::uint64_t spacing = r.count, outer_step = 0;
  FASTINIT_ROLLED
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
    spacing /= r.extent[axis];
    const std::uint64_t step = r.step[axis];
    if (step == 0) continue;
    const std::uint64_t start = (outer_step ? r.position % outer_step : r.position) / step;
    w.index[found] = 0;
    w.start[found] = start;
    w.extent[found] = r.extent[axis];
    w.stop[found] = outer_step ? outer_step / step : start + r.extent[axis];
    w.step[found] = step;
    w.stride[found] = r.stride[axis];
    w.spacing[found] = spacing;
    outer_step = step;
    ++found;
  }
  w.axes = samples_run_along_innermost(r) ? found - 1 : found;
  if (w.axes == 1 && w.step[0] == 1) w.index[0] = w.position = w.start[0] / r.period * r.period;
  FASTINIT_ROLLED
  for (int axis = 0; axis < w.axes; ++axis) w.flat += (w.index[axis] - w.start[axis]) * w.stride[axis];
  return w;
}

// On to the next position; false at the end.
FASTINIT_INLINE bool advance(Walk& w) {
  FASTINIT_ROLLED
  for (int axis = w.axes - 1; axis >= 0; --axis) {
    w.flat += w.stride[axis];
    w.position += w.step[axis];
    if (++w.index[axis] < w.stop[axis]) return true;
    w.flat -= w.stop[axis] * w.stride[axis];
    w.position -= w.stop[axis] * w.step[axis];
    w.index[axis] = 0;
  }
  return false;
}

// Whether the position lies in the part, and how far behind the column's first place.
FASTINIT_INLINE bool in_part(const Walk& w, std::uint64_t& distance) {
  distance = 0;
  FASTINIT_ROLLED
  for (int axis = 0; axis < w.axes; ++axis) {
    const std::uint64_t index = w.index[axis] - w.start[axis];
    if (index >= w.extent[axis]) return false;  // before the start too: it wraps around
    distance += index * w.spacing[axis];
  }
  return true;
}

// The columns of the part: the product of the extents without a step.
FASTINIT_INLINE std::uint64_t columns_of(const Request& r) {
  std::uint64_t columns = 1;
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) columns *= r.step[axis] ? 1 : r.extent[axis];
  return columns;
}

// Columns are counted in C order.
FASTINIT_INLINE Column column_at(const Request& r, std::uint64_t number) {
  Column column{r.offset, 0};
  std::uint64_t spacing = 1;
  FASTINIT_ROLLED
  for (std::uint64_t axis = r.rank; axis-- > 0; spacing *= r.extent[axis]) {
    if (r.step[axis]) continue;
    const std::uint64_t index = number % r.extent[axis];
    number /= r.extent[axis];
    column.flat += index * r.stride[axis];
    column.place += index * spacing;
  }
  return column;
}

}  // namespace fastinit
