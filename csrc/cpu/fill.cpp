#include "cpu/fill.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/samples.h"
#include "cpu/threads.h"

namespace fastinit {
namespace {

using Clock = std::chrono::steady_clock;

// With fewer values, waking another thread costs more than it saves (a few microseconds).
constexpr std::uint64_t values_per_thread = 16384;
// A piece of work: small enough that threads end together and Ctrl-C is answered, large enough to cost nothing.
constexpr std::uint64_t smallest_piece = 4096, largest_piece = 65536, pieces_per_thread = 16;
// Columns are worked side by side: in fewer pieces, since narrow ones waste lanes and cache lines.
constexpr std::uint64_t column_pieces_per_thread = 4, columns_side_by_side = 512;
constexpr auto time_between_questions = std::chrono::milliseconds(50);
constexpr std::uint64_t huge_page = std::uint64_t(2) << 20;

// Fresh memory in 4 kB pages takes several times as long to touch as to fill, so ask for huge ones inside every large
// destination, whoever allocated it. Advice only: where it cannot be taken, nothing changes.
void advise_huge_pages(const Request& r) {
#if defined(MADV_HUGEPAGE)
  const std::uint64_t begin = (r.address + huge_page - 1) / huge_page * huge_page;
  const std::uint64_t end = (r.address + r.count * r.item_size) / huge_page * huge_page;
  if (begin < end && end - begin >= huge_page) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)r;
#endif
}

using Kernel = void (*)(const Request& request, std::uint64_t begin, std::uint64_t end);

bool is_mask(const Request& r) { return r.distribution == subset || r.distribution == bernoulli; }
bool is_fill(const Request& r) { return r.distribution <= truncated; }
bool is_scatter(const Request& r) { return r.distribution == scatter; }

// What a kernel is given a range of: elements, or columns of samples, each of which costs all its words.
std::uint64_t units_of(const Request& r) { return r.distribution == subset ? columns_of(r) : r.count; }

std::uint64_t cost_of_unit(const Request& r) {
  if (r.distribution != subset || r.count == 0) return 1;
  std::uint64_t last = r.position;  // position of the part's last element
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) last += (r.extent[axis] - 1) * r.step[axis];
  return last - r.position / r.period * r.period + 1;
}

// The units of all requests of one kind, end to end, cut into pieces of equal cost that the threads take in turn: small
// and large tensors share them evenly, and no value knows where the cuts are.
class Work {
 public:
  Work(const Request* requests, std::size_t count, bool (*belongs)(const Request&), Kernel kernel) : kernel_(kernel) {
    for (std::size_t k = 0; k < count; ++k) {
      if (!belongs(requests[k]) || requests[k].count == 0) continue;
      const std::uint64_t cost = cost_of_unit(requests[k]);
      total_ += units_of(requests[k]) * cost;
      most_cost_ = std::max(most_cost_, cost);
      jobs_.push_back({requests + k, cost, total_});
    }
  }

  std::uint64_t total() const { return total_; }

  void cut_for(int threads) {
    const std::uint64_t most = std::max(largest_piece, columns_side_by_side * most_cost_);
    const std::uint64_t pieces = threads * (most_cost_ > 1 ? column_pieces_per_thread : pieces_per_thread);
    piece_ = std::clamp(total_ / pieces, smallest_piece, most);
  }

  std::uint64_t pieces() const { return (total_ + piece_ - 1) / piece_; }

  // A unit belongs to the piece in which its cost begins.
  void run_piece(std::uint64_t index) const {
    std::uint64_t at = index * piece_;
    const std::uint64_t end = std::min(at + piece_, total_);
    auto job =
        std::upper_bound(jobs_.begin(), jobs_.end(), at, [](std::uint64_t x, const Job& j) { return x < j.end; });
    for (; at < end; ++job) {
      const std::uint64_t start = job->end - units_of(*job->request) * job->cost, stop = std::min(end, job->end);
      const std::uint64_t first = (at - start + job->cost - 1) / job->cost;
      const std::uint64_t last = (stop - start + job->cost - 1) / job->cost;
      if (first < last) kernel_(*job->request, first, last);
      at = stop;
    }
  }

 private:
  struct Job {
    const Request* request;
    std::uint64_t cost;  // of a unit
    std::uint64_t end;   // cost of all jobs up to and with this one
  };
  Kernel kernel_;
  std::vector<Job> jobs_;
  std::uint64_t total_ = 0, piece_ = largest_piece, most_cost_ = 1;
};

// Takes pieces until there are none. Only the calling thread may ask whether to give up.
void take_pieces(const Work& work, std::atomic<std::uint64_t>& next, std::atomic<bool>& stop, Interrupted interrupted) {
  const DefaultArithmetic arithmetic;
  const std::uint64_t pieces = work.pieces();
  auto asked = Clock::now();
  for (std::uint64_t index; !stop && (index = next++) < pieces;) {
    work.run_piece(index);
    if (interrupted && Clock::now() - asked > time_between_questions) {
      asked = Clock::now();
      if (interrupted()) stop = true;
    }
  }
}

int threads_for(std::uint64_t values, int most) {
  if (values < 2 * values_per_thread || is_forked_child()) return 1;
  return static_cast<int>(std::min<std::uint64_t>(most ? most : thread_count(), values / values_per_thread));
}

// False when `interrupted` said to give up.
bool run(Work work, Interrupted interrupted, int most_threads) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  const int threads = threads_for(work.total(), most_threads);
  work.cut_for(threads);
  if (threads == 1) {
    take_pieces(work, next, stop, interrupted);
  } else {
    const auto caller = pthread_self();
#pragma omp parallel num_threads(threads)
    take_pieces(work, next, stop, pthread_equal(pthread_self(), caller) ? interrupted : nullptr);
  }
  return !stop;
}

// Elements may lie anywhere: `stride` steps through the memory itself.
template <class T>
void scatter_items(const Request& r, std::uint64_t begin, std::uint64_t end) {
  const auto out = reinterpret_cast<T*>(r.address);
  for (std::uint64_t k = begin; k < end; ++k) {
    std::uint64_t rest = k, at = 0;
    for (std::uint64_t axis = r.rank; axis-- > 0; rest /= r.extent[axis]) at += rest % r.extent[axis] * r.stride[axis];
    out[at] = static_cast<T>(r.pattern);
  }
}

void scatter_constants(const Request& r, std::uint64_t begin, std::uint64_t end) {
  switch (r.item_size) {
    case 1:
      return scatter_items<std::uint8_t>(r, begin, end);
    case 2:
      return scatter_items<std::uint16_t>(r, begin, end);
    case 4:
      return scatter_items<std::uint32_t>(r, begin, end);
    default:
      return scatter_items<std::uint64_t>(r, begin, end);
  }
}

}  // namespace

bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads) {
  const Kernels& kernels = active_kernels();
  for (std::size_t k = 0; k < count; ++k) {
    if (is_fill(requests[k])) advise_huge_pages(requests[k]);
  }
  return run(Work(requests, count, is_fill, kernels.fill), interrupted, most_threads) &&
         run(Work(requests, count, is_scatter, scatter_constants), interrupted, most_threads) &&
         run(Work(requests, count, is_mask, kernels.mask), interrupted, most_threads);
}

}  // namespace fastinit
