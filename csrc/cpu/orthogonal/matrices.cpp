#include "cpu/orthogonal/matrices.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/huge_pages.h"
#include "cpu/orthogonal/job.h"
#include "cpu/threads.h"

namespace fastinit {
namespace {

// Work in fma below which to wake another thread costs more than it saves.
constexpr double work_per_thread = 4e5;

// Becomes Python's MemoryError.
class NoMemory : public std::bad_alloc {
 public:
  explicit NoMemory(std::size_t size)
      : message_("no " + std::to_string(size >> 20) + " MiB of working memory for orthogonal matrices; " +
                 "use fewer threads or float32") {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  const std::string message_;
};

class Memory {
 public:
  explicit Memory(std::size_t size) : size_(round_up(size, size < huge_page ? 64 : huge_page)) {
    start_ = std::aligned_alloc(size < huge_page ? 64 : huge_page, size_);
    if (!start_) throw NoMemory(size_);
    advise_huge_pages(reinterpret_cast<std::uint64_t>(start_), size_);
  }
  ~Memory() { std::free(start_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* at(std::size_t offset) const { return static_cast<std::byte*>(start_) + offset; }

 private:
  std::size_t size_;
  void* start_;
};

double total_work(const std::vector<OrthogonalJob>& jobs) {
  double work = 0;
  for (const OrthogonalJob& job : jobs) work += job.total_work();
  return work;
}

// All matrices of all jobs. Those that are a large part of the work are drawn one after another by all threads
// together, and the others by one thread each, large ones first.
class Schedule {
 public:
  Schedule(const std::vector<OrthogonalJob>& jobs, int threads) : kernels_(active_kernels()), threads_(threads) {
    const double total = total_work(jobs);
    std::vector<const OrthogonalJob*> sorted;
    sorted.reserve(jobs.size());
    for (const OrthogonalJob& job : jobs) sorted.push_back(&job);
    std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->work() > b->work(); });
    for (const OrthogonalJob* job : sorted) {
      const bool together = threads > 1 && job->work() > total / (2.0 * threads) && job->work() > work_per_thread;
      (together ? shared_ : whole_).push_back(job);
    }
    std::uint64_t matrices = 0;
    for (const OrthogonalJob* job : shared_) {
      matrices += job->count();
      shared_reflectors_ = std::max(shared_reflectors_, job->reflectors_size());
      scratch_ = std::max(scratch_, job->scratch_size(job->panel_width(threads)));
    }
    counters_ = std::make_unique<Counters[]>(matrices);
    for (const OrthogonalJob* job : whole_) {
      whole_end_.push_back(whole_count_ += job->count());
      whole_reflectors_ = std::max(whole_reflectors_, job->reflectors_size());
      scratch_ = std::max(scratch_, job->scratch_size(job->panel_width(1)));
    }
    memory_ = std::make_unique<Memory>(shared_reflectors_ + threads * (whole_reflectors_ + scratch_));
  }

  // Every thread of the team calls this.
  void work(int thread, InterruptFlag& flag) {
    const DefaultArithmetic arithmetic;
    std::byte* const own = memory_->at(shared_reflectors_ + thread * (whole_reflectors_ + scratch_));
    Counters* counters = counters_.get();
    for (const OrthogonalJob* job : shared_) {
      for (std::uint64_t k = 0; k < job->count(); ++k) draw_together(*job, k, *counters++, own, flag);
    }
    for (std::uint64_t index; !flag.is_set() && (index = next_whole_++) < whole_count_;) {
      const std::size_t at = std::upper_bound(whole_end_.begin(), whole_end_.end(), index) - whole_end_.begin();
      draw_whole(*whole_[at], index - (whole_end_[at] - whole_[at]->count()), own, flag);
    }
  }

 private:
  struct Counters {
    std::atomic<std::uint64_t> strip{0}, panel{0};
  };

  void draw_together(const OrthogonalJob& job, std::uint64_t k, Counters& next, std::byte* scratch,
                     InterruptFlag& flag) const {
    const Reflectors q = job.reflectors(k, memory_->at(0));
    for (std::uint64_t strip; !flag.is_set() && (strip = next.strip++) < strip_count(q);) {
      kernels_.reflectors.build(q, strip, scratch);
    }
#pragma omp barrier
    const std::uint64_t width = job.panel_width(threads_);
    for (std::uint64_t panel; !flag.is_set() && (panel = next.panel++) < job.panels(width);) {
      job.apply(kernels_, q, k, panel, width, scratch, flag);
    }
#pragma omp barrier
  }

  void draw_whole(const OrthogonalJob& job, std::uint64_t k, std::byte* memory, InterruptFlag& flag) const {
    const Reflectors q = job.reflectors(k, memory);
    std::byte* const scratch = memory + whole_reflectors_;
    for (std::uint64_t strip = 0; strip < strip_count(q) && !flag.is_set(); ++strip) {
      kernels_.reflectors.build(q, strip, scratch);
    }
    const std::uint64_t width = job.panel_width(1);
    for (std::uint64_t panel = 0; panel < job.panels(width) && !flag.is_set(); ++panel) {
      job.apply(kernels_, q, k, panel, width, scratch, flag);
    }
  }

  const Kernels& kernels_;
  const int threads_;
  std::vector<const OrthogonalJob*> shared_, whole_;
  std::vector<std::uint64_t> whole_end_;  // matrices up to and including those of the job
  std::uint64_t whole_count_ = 0;
  std::size_t shared_reflectors_ = 0, whole_reflectors_ = 0, scratch_ = 0;
  std::unique_ptr<Counters[]> counters_;
  std::unique_ptr<Memory> memory_;
  std::atomic<std::uint64_t> next_whole_{0};
};

}  // namespace

struct OrthogonalMatrices::Work {
  std::vector<OrthogonalJob> jobs;
  int threads;
  Schedule schedule;

  Work(std::vector<OrthogonalJob>&& all, int most_threads)
      : jobs(std::move(all)),
        threads(threads_for(total_work(jobs), work_per_thread, most_threads)),
        schedule(jobs, threads) {}
};

OrthogonalMatrices::OrthogonalMatrices(const std::vector<const Request*>& requests, int most_threads) {
  if (requests.empty()) return;
  std::vector<OrthogonalJob> jobs;
  jobs.reserve(requests.size());
  for (const Request* request : requests) jobs.emplace_back(*request);
  work_ = std::make_unique<Work>(std::move(jobs), most_threads);
}

OrthogonalMatrices::~OrthogonalMatrices() = default;

bool OrthogonalMatrices::draw(Interrupted interrupted) {
  if (!work_) return true;
  InterruptFlag flag(interrupted);
  if (work_->threads == 1) {
    work_->schedule.work(0, flag);
  } else {
    std::atomic<int> thread{0};
#pragma omp parallel num_threads(work_->threads)
    work_->schedule.work(thread++, flag);
  }
  return !flag.is_set();
}

}  // namespace fastinit
