// Where the samples of an exact-count mask lie, in integers only: for any processor, and for each thread of a GPU.
//
// Samples run along the axes with a step; the other axes count samples, which are called columns here whichever way
// they lie. Which elements are zeroed depends on those before, so the elements of a column are visited in the order of
// their positions, from the start of the sample in which the part begins, even where that lies outside the part.
#pragma once

#include "lanes/inline.h"
#include "request/request.h"

namespace fastinit {

// An axis with a step: where the part begins on it, and where a walk along it ends.
struct SampleAxis {
  std::uint64_t start, stop;  // in the whole array
};

// `outer_step` is the step of the next axis outwards that has one, 0 where there is none.
FASTINIT_INLINE SampleAxis sample_axis(const Request& r, std::uint64_t axis, std::uint64_t outer_step) {
  const std::uint64_t step = r.step[axis], start = (outer_step ? r.position % outer_step : r.position) / step;
  return {start, outer_step ? outer_step / step : start + r.extent[axis]};
}

// The first axis with a step from `axis` outwards, or -1.
FASTINIT_INLINE int stepping_axis(const Request& r, int axis) {
  FASTINIT_ROLLED
  while (axis >= 0 && r.step[axis] == 0) --axis;
  return axis;
}

FASTINIT_INLINE SampleAxis sample_axis(const Request& r, int axis) {
  const int outer = stepping_axis(r, axis - 1);
  return sample_axis(r, axis, outer < 0 ? 0 : r.step[outer]);
}

FASTINIT_INLINE bool samples_run_along_innermost(const Request& r) { return r.step[r.rank - 1] != 0; }

// A walk through the positions along the samples. A run follows the innermost axis with a step; the indices on the axes
// outside of it are computed from the position at the beginning of each run. Where samples run along the innermost axis
// of the request, that axis is left to the caller.
struct Walk {
  int axis;                            // that a run follows, or -1 if there is only one position
  std::uint64_t start, stop, spacing;  // of that axis, as in sample_axis; elements of the part per index
  std::uint64_t index;                 // on that axis, in the whole array
  std::uint64_t position;              // in the sample
  std::uint64_t run_distance;          // elements of the part before the run
  bool run_is_in_part;
  std::uint64_t flat;  // flat index minus that of the column's first element, modulo 2^64
};

FASTINIT_INLINE void begin_run(const Request& r, Walk& w) {
  w.flat = (w.index - w.start) * r.stride[w.axis];
  w.run_distance = 0;
  w.run_is_in_part = true;
  std::uint64_t spacing = r.count, outer_step = 0;
  FASTINIT_ROLLED
  for (int axis = 0; axis < w.axis; ++axis) {
    spacing /= r.extent[axis];
    const std::uint64_t step = r.step[axis];
    if (step == 0) continue;
    const std::uint64_t index = (outer_step ? w.position % outer_step : w.position) / step;
    const std::uint64_t distance = index - sample_axis(r, axis, outer_step).start;
    w.run_is_in_part = w.run_is_in_part && distance < r.extent[axis];  // before the start it wraps around
    w.flat += distance * r.stride[axis];
    w.run_distance += distance * spacing;
    outer_step = step;
  }
}

FASTINIT_INLINE Walk walk_along(const Request& r) {
  Walk w = {};
  const int last = static_cast<int>(r.rank) - 1;
  w.axis = stepping_axis(r, samples_run_along_innermost(r) ? last - 1 : last);
  w.run_is_in_part = true;
  if (w.axis < 0) return w;
  const SampleAxis along = sample_axis(r, w.axis);
  w.start = along.start;
  w.stop = along.stop;
  w.spacing = 1;
  FASTINIT_ROLLED
  for (int axis = last; axis > w.axis; --axis) w.spacing *= r.extent[axis];
  const bool is_outermost = stepping_axis(r, w.axis - 1) < 0;
  if (is_outermost && r.step[w.axis] == 1) w.index = w.position = w.start / r.period * r.period;
  begin_run(r, w);
  return w;
}

// The position where a walk ends: after the part on the outermost axis, and after the whole sample on the others.
FASTINIT_INLINE std::uint64_t end_of_walk(const Request& r) {
  int axis = 0;
  FASTINIT_ROLLED
  while (r.step[axis] == 0) ++axis;
  return sample_axis(r, axis, 0).stop * r.step[axis];
}

// Move to the next position. False at the end.
FASTINIT_INLINE bool advance(const Request& r, Walk& w) {
  if (w.axis < 0) return false;
  w.position += r.step[w.axis];
  w.flat += r.stride[w.axis];
  if (++w.index < w.stop) return true;
  if (w.position >= end_of_walk(r)) return false;
  w.index = 0;
  begin_run(r, w);
  return true;
}

// Whether the position lies in the part, and its distance from the column's first element there.
FASTINIT_INLINE bool in_part(const Request& r, const Walk& w, std::uint64_t& distance) {
  const std::uint64_t along = w.index - w.start;
  distance = w.run_distance + along * w.spacing;
  return w.run_is_in_part && (w.axis < 0 || along < r.extent[w.axis]);
}

// The first element of a column that lies in the part.
struct Column {
  std::uint64_t flat;   // its index in the whole array
  std::uint64_t place;  // its index in the part
};

// The columns of the part: the product of the extents without a step.
FASTINIT_INLINE std::uint64_t columns_of(const Request& r) {
  std::uint64_t columns = 1;
  FASTINIT_ROLLED
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
