#include "cpu/orthogonal.h"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/reflectors.h"
#include "cpu/threads.h"
#include "cpu/watch.h"

namespace fastinit {
namespace {

// Work, in fma, below which waking another thread costs more than it saves.
constexpr double work_per_thread = 4e5;
// Columns of a panel: whole tiles of every instruction set; no wider, so that a panel stays in the caches.
constexpr std::uint64_t panel_unit = 96, widest_panel = 192;
constexpr std::uint64_t panels_per_thread = 4;
constexpr std::size_t huge_page = std::size_t(2) << 20;

std::uint64_t round_up_to(std::uint64_t n, std::uint64_t unit) { return (n + unit - 1) / unit * unit; }

class Memory {
 public:
  explicit Memory(std::size_t size) : size_(round_up_to(size, size < huge_page ? 64 : huge_page)) {
    start_ = std::aligned_alloc(size < huge_page ? 64 : huge_page, size_);
    if (!start_) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
    if (size >= huge_page) madvise(start_, size_, MADV_HUGEPAGE);
#endif
  }
  ~Memory() { std::free(start_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* at(std::size_t offset) const { return static_cast<std::byte*>(start_) + offset; }

 private:
  std::size_t size_;
  void* start_;
};

// One request, worked out.
class Job {
 public:
  explicit Job(const Request& r) : request_(r) {
    orthogonal_shape(r, shape_);
    is_tall_ = shape_.height >= shape_.width;
    rows_ = std::max(shape_.height, shape_.width);
    columns_ = std::min(shape_.height, shape_.width);
    std::vector<std::int64_t> down = offsets(row_axis), across = offsets(column_axis);
    of_row_ = std::move(is_tall_ ? down : across);
    of_column_ = std::move(is_tall_ ? across : down);
    rows_contiguous_ = of_row_[0] >= 0;
    for (std::size_t i = 1; i < of_row_.size(); ++i) rows_contiguous_ &= of_row_[i] == of_row_[i - 1] + 1;
    count_ = 1;
    for (std::uint64_t axis = 0; axis < r.rank; ++axis) {
      if (role_of(r, axis) == batch_axis) count_ *= r.extent[axis];
      if (role_of(r, axis) == kernel_axis) place_at_centre(axis);
    }
  }

  std::uint64_t count() const { return count_; }
  double work() const { return double(rows_) * columns_ * (columns_ + 64.0); }  // fma a matrix, about
  std::size_t item() const { return request_.dtype == float64 ? sizeof(double) : sizeof(float); }

  Reflectors reflectors(std::uint64_t k, std::byte* memory) const {
    Reflectors q{};
    q.stream = {request_.seed, request_.stream};
    q.first = number(k) * rows_ * columns_;
    q.rows = rows_;
    q.columns = columns_;
    q.dtype = request_.dtype;
    q.vectors = memory;
    q.triangles = memory + vectors_size(q);
    q.signs = memory + vectors_size(q) + triangles_size(q) * item();
    return q;
  }

  Target target(std::uint64_t k) const {
    const std::uint64_t start = request_.address + (centre_ + place(k)) * request_.item_size;
    return {start, request_.dtype, request_.parameter[0], of_row_.data(), of_column_.data(), rows_contiguous_};
  }

  std::size_t reflectors_size() const {
    const Reflectors q = reflectors(0, nullptr);
    return round_up_to(vectors_size(q) + (triangles_size(q) + columns_) * item(), 64);
  }

  std::size_t scratch_size(std::uint64_t panel) const {
    const Reflectors q = reflectors(0, nullptr);
    return round_up_to(std::max(strip_scratch(q), panel_scratch(q, panel)) * item(), 64);
  }

  // The width of the panels of which each thread gets a few; one thread gets the widest.
  std::uint64_t panel_width(int threads) const {
    const std::uint64_t widest = widest_panel * sizeof(float) / item(), unit = panel_unit * sizeof(float) / item();
    const std::uint64_t wanted = threads == 1 ? widest : columns_ / (threads * panels_per_thread);
    return std::min(columns_, std::clamp(round_up_to(wanted, unit), unit, widest));
  }

  std::uint64_t panels(std::uint64_t width) const { return (columns_ + width - 1) / width; }

  // Panels are counted from the right: the last columns take the most work.
  void apply(const Kernels& kernels, const Reflectors& q, std::uint64_t k, std::uint64_t panel, std::uint64_t width,
             void* scratch, Watch& watch) const {
    const std::uint64_t begin = (panels(width) - 1 - panel) * width, end = std::min(begin + width, columns_);
    const bool kept = std::any_of(of_column_.begin() + begin, of_column_.begin() + end, [](auto o) { return o >= 0; });
    if (kept) kernels.reflectors.apply(q, begin, end, scratch, target(k), watch);
  }

 private:
  static std::size_t vectors_size(const Reflectors& q) {
    return round_up_to(strip_offset(q, strip_count(q)) * (q.dtype == float64 ? sizeof(double) : sizeof(float)), 64);
  }

  std::uint64_t start(std::uint64_t axis) const { return request_.offset / request_.stride[axis] % shape_.whole[axis]; }

  // Of an axis, in the destination.
  std::uint64_t stride(std::uint64_t axis) const {
    std::uint64_t product = 1;
    while (++axis < request_.rank) product *= request_.extent[axis];
    return product;
  }

  void place_at_centre(std::uint64_t axis) {
    const std::uint64_t centre = (shape_.whole[axis] - 1) / 2;
    if (centre < start(axis) || centre >= start(axis) + request_.extent[axis]) {
      count_ = 0;
    } else {
      centre_ += (centre - start(axis)) * stride(axis);
    }
  }

  // For every index on the axes of a role, in C order of the whole: its offset in the destination, -1 outside the part.
  std::vector<std::int64_t> offsets(AxisRole role) const {
    std::vector<std::int64_t> result = {0};
    for (std::uint64_t axis = 0; axis < request_.rank; ++axis) {
      if (role_of(request_, axis) != role) continue;
      std::vector<std::int64_t> longer;
      longer.reserve(result.size() * shape_.whole[axis]);
      for (const std::int64_t offset : result) {
        for (std::uint64_t i = 0; i < shape_.whole[axis]; ++i) {
          const bool inside = offset >= 0 && i >= start(axis) && i - start(axis) < request_.extent[axis];
          longer.push_back(inside ? offset + std::int64_t((i - start(axis)) * stride(axis)) : -1);
        }
      }
      result = std::move(longer);
    }
    return result;
  }

  // Calls visit(axis, index in the part) for the batch axes, for matrix k of the part.
  template <class Visit>
  void visit_batch(std::uint64_t k, const Visit& visit) const {
    for (std::uint64_t axis = request_.rank; axis-- > 0;) {
      if (role_of(request_, axis) != batch_axis) continue;
      visit(axis, k % request_.extent[axis]);
      k /= request_.extent[axis];
    }
  }

  // Which matrix of the whole batch it is, and where it starts in the destination.
  std::uint64_t number(std::uint64_t k) const {
    std::uint64_t result = 0, step = 1;
    visit_batch(k, [&](std::uint64_t axis, std::uint64_t index) {
      result += (start(axis) + index) * step;
      step *= shape_.whole[axis];
    });
    return result;
  }
  std::uint64_t place(std::uint64_t k) const {
    std::uint64_t result = 0;
    visit_batch(k, [&](std::uint64_t axis, std::uint64_t index) { result += index * stride(axis); });
    return result;
  }

  const Request& request_;
  OrthogonalShape shape_;
  bool is_tall_, rows_contiguous_;
  std::uint64_t rows_, columns_, count_, centre_ = 0;
  std::vector<std::int64_t> of_row_, of_column_;
};

// All matrices of all jobs. Those that are a large part of the work are drawn one after the other by all threads
// together, the others each by one thread, large ones first.
class Schedule {
 public:
  Schedule(const std::vector<Job>& jobs, int threads) : kernels_(active_kernels()), threads_(threads) {
    double total = 0;
    for (const Job& job : jobs) total += job.work() * job.count();
    std::vector<const Job*> sorted;
    for (const Job& job : jobs) sorted.push_back(&job);
    std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->work() > b->work(); });
    for (const Job* job : sorted) {
      const bool together = threads > 1 && job->work() > total / (2.0 * threads) && job->work() > work_per_thread;
      (together ? shared_ : whole_).push_back(job);
    }
    std::uint64_t matrices = 0;
    for (const Job* job : shared_) {
      matrices += job->count();
      shared_reflectors_ = std::max(shared_reflectors_, job->reflectors_size());
      scratch_ = std::max(scratch_, job->scratch_size(job->panel_width(threads)));
    }
    counters_ = std::make_unique<Counters[]>(matrices);
    for (const Job* job : whole_) {
      whole_end_.push_back(whole_count_ += job->count());
      whole_reflectors_ = std::max(whole_reflectors_, job->reflectors_size());
      scratch_ = std::max(scratch_, job->scratch_size(job->panel_width(1)));
    }
    memory_ = std::make_unique<Memory>(shared_reflectors_ + threads * (whole_reflectors_ + scratch_));
  }

  // Every thread of the team calls it.
  void work(int thread, Watch& watch) {
    const DefaultArithmetic arithmetic;
    std::byte* const own = memory_->at(shared_reflectors_ + thread * (whole_reflectors_ + scratch_));
    Counters* counters = counters_.get();
    for (const Job* job : shared_) {
      for (std::uint64_t k = 0; k < job->count(); ++k) draw_together(*job, k, *counters++, own, watch);
    }
    for (std::uint64_t index; !watch.stopped() && (index = next_whole_++) < whole_count_;) {
      const std::size_t at = std::upper_bound(whole_end_.begin(), whole_end_.end(), index) - whole_end_.begin();
      draw_whole(*whole_[at], index - (whole_end_[at] - whole_[at]->count()), own, watch);
    }
  }

 private:
  struct Counters {
    std::atomic<std::uint64_t> strip{0}, panel{0};
  };

  void draw_together(const Job& job, std::uint64_t k, Counters& next, std::byte* scratch, Watch& watch) const {
    const Reflectors q = job.reflectors(k, memory_->at(0));
    for (std::uint64_t strip; !watch.stopped() && (strip = next.strip++) < strip_count(q);) {
      kernels_.reflectors.build(q, strip, scratch);
    }
#pragma omp barrier
    const std::uint64_t width = job.panel_width(threads_);
    for (std::uint64_t panel; !watch.stopped() && (panel = next.panel++) < job.panels(width);) {
      job.apply(kernels_, q, k, panel, width, scratch, watch);
    }
#pragma omp barrier
  }

  void draw_whole(const Job& job, std::uint64_t k, std::byte* memory, Watch& watch) const {
    const Reflectors q = job.reflectors(k, memory);
    std::byte* const scratch = memory + whole_reflectors_;
    for (std::uint64_t strip = 0; strip < strip_count(q) && !watch.stopped(); ++strip) {
      kernels_.reflectors.build(q, strip, scratch);
    }
    const std::uint64_t width = job.panel_width(1);
    for (std::uint64_t panel = 0; panel < job.panels(width) && !watch.stopped(); ++panel) {
      job.apply(kernels_, q, k, panel, width, scratch, watch);
    }
  }

  const Kernels& kernels_;
  const int threads_;
  std::vector<const Job*> shared_, whole_;
  std::vector<std::uint64_t> whole_end_;  // matrices up to and with those of the job
  std::uint64_t whole_count_ = 0;
  std::size_t shared_reflectors_ = 0, whole_reflectors_ = 0, scratch_ = 0;
  std::unique_ptr<Counters[]> counters_;
  std::unique_ptr<Memory> memory_;
  std::atomic<std::uint64_t> next_whole_{0};
};

int threads_for(const std::vector<Job>& jobs, int most) {
  double work = 0;
  for (const Job& job : jobs) work += job.work() * job.count();
  if (work < 2 * work_per_thread || is_forked_child()) return 1;
  return static_cast<int>(std::min<double>(most ? most : thread_count(), work / work_per_thread));
}

}  // namespace

struct OrthogonalMatrices::Work {
  std::vector<Job> jobs;
  int threads;
  Schedule schedule;

  Work(std::vector<Job>&& all, int most_threads)
      : jobs(std::move(all)), threads(threads_for(jobs, most_threads)), schedule(jobs, threads) {}
};

OrthogonalMatrices::OrthogonalMatrices(const Request* requests, std::size_t count, int most_threads) {
  std::vector<Job> jobs;
  for (std::size_t k = 0; k < count; ++k) {
    if (requests[k].distribution == orthogonal && requests[k].count > 0) jobs.emplace_back(requests[k]);
  }
  if (!jobs.empty()) work_ = std::make_unique<Work>(std::move(jobs), most_threads);
}

OrthogonalMatrices::~OrthogonalMatrices() = default;

bool OrthogonalMatrices::draw(Interrupted interrupted) {
  if (!work_) return true;
  Watch watch(interrupted);
  if (work_->threads == 1) {
    work_->schedule.work(0, watch);
  } else {
#pragma omp parallel num_threads(work_->threads)
    work_->schedule.work(omp_get_thread_num(), watch);
  }
  return !watch.stopped();
}

}  // namespace fastinit
