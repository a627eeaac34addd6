// One request for orthogonal matrices: its matrices, where their elements go, and the panels in which they are drawn.
#pragma once

#include <algorithm>
#include <vector>

#include "cpu/dispatch.h"
#include "cpu/orthogonal/reflectors.h"
#include "request/orthogonal_shape.h"

namespace fastinit {

constexpr std::uint64_t panels_per_thread = 4;

class OrthogonalJob {
 public:
  explicit OrthogonalJob(const Request& r) : request_(r) {
    orthogonal_shape(r, shape_);
    rows_ = shape_.rows;
    columns_ = shape_.columns;
    of_row_ = offsets(shape_.is_wide ? AxisRole::column : AxisRole::row, rows_);
    of_column_ = offsets(shape_.is_wide ? AxisRole::row : AxisRole::column, columns_);
    rows_contiguous_ = of_row_[0] >= 0;
    for (std::size_t i = 1; i < of_row_.size(); ++i) rows_contiguous_ &= of_row_[i] == of_row_[i - 1] + 1;
  }

  std::uint64_t count() const { return shape_.matrices; }
  double work() const { return double(rows_) * double(columns_) * (double(columns_) + 64); }  // fma per matrix, about
  double total_work() const { return work() * double(count()); }
  std::size_t item() const { return in_float64(request_.dtype) ? sizeof(double) : sizeof(float); }

  Reflectors reflectors(std::uint64_t k, std::byte* memory) const {
    Reflectors q = without_memory();
    q.first = matrix_place(request_, shape_, k).number * rows_ * columns_;
    q.vectors = memory;
    q.triangles = memory + vectors_size(q);
    q.signs = memory + vectors_size(q) + triangles_size(q) * item();
    return q;
  }

  Target target(std::uint64_t k) const {
    const std::uint64_t start = request_.address + matrix_place(request_, shape_, k).offset * request_.item_size;
    return {start, request_.dtype, request_.parameter[0], of_row_.data(), of_column_.data(), rows_contiguous_};
  }

  std::size_t reflectors_size() const {
    const Reflectors q = without_memory();
    return round_up(vectors_size(q) + (triangles_size(q) + columns_) * item(), 64);
  }

  std::size_t scratch_size(std::uint64_t panel) const {
    const Reflectors q = without_memory();
    return round_up(std::max(strip_scratch(q), panel_scratch(q, panel)) * item(), 64);
  }

  // The width of panels, a few of which go to each thread. A single thread takes the widest.
  std::uint64_t panel_width(int threads) const {
    const std::uint64_t widest = widest_panel * sizeof(float) / item(), unit = panel_unit * sizeof(float) / item();
    const std::uint64_t wanted = threads == 1 ? widest : columns_ / (threads * panels_per_thread);
    return std::min(columns_, std::clamp(round_up(wanted, unit), unit, widest));
  }

  std::uint64_t panels(std::uint64_t width) const { return (columns_ + width - 1) / width; }

  // Panels are counted from the right, since the last columns take the most work.
  void apply(const Kernels& kernels, const Reflectors& q, std::uint64_t k, std::uint64_t panel, std::uint64_t width,
             void* scratch, InterruptFlag& flag) const {
    const std::uint64_t begin = (panels(width) - 1 - panel) * width, end = std::min(begin + width, columns_);
    const bool any = std::any_of(of_column_.data() + begin, of_column_.data() + end, [](auto o) { return o >= 0; });
    if (any) kernels.reflectors.apply(q, begin, end, scratch, target(k), flag);
  }

 private:
  // What all matrices have in common, and the sizes of their memory depend on.
  Reflectors without_memory() const {
    Reflectors q{};
    q.stream = {request_.seed, request_.stream};
    q.rows = rows_;
    q.columns = columns_;
    q.in_float64 = in_float64(request_.dtype);
    return q;
  }

  static std::size_t vectors_size(const Reflectors& q) {
    return round_up(strip_offset(q, strip_count(q)) * (q.in_float64 ? sizeof(double) : sizeof(float)), 64);
  }

  std::vector<std::int64_t> offsets(AxisRole role, std::uint64_t count) const {
    std::vector<std::int64_t> result(count);
    for (std::uint64_t k = 0; k < count; ++k) result[k] = offset_along(request_, shape_, role, k);
    return result;
  }

  const Request& request_;
  OrthogonalShape shape_;
  bool rows_contiguous_;
  std::uint64_t rows_, columns_;
  std::vector<std::int64_t> of_row_, of_column_;
};

}  // namespace fastinit
