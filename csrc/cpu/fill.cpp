#include "cpu/fill.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/threads.h"

namespace fastinit {
namespace {

using Clock = std::chrono::steady_clock;

// With fewer values, waking another thread costs more than it saves (a few microseconds).
constexpr std::uint64_t values_per_thread = 16384;
// A piece of work: small enough that threads end together and Ctrl-C is answered, large enough to cost nothing.
constexpr std::uint64_t smallest_piece = 4096, largest_piece = 65536, pieces_per_thread = 16;
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

// All elements of all requests, end to end, cut into equal pieces that the threads take in turn: small and large
// tensors share them evenly, and no value knows where the cuts are.
class Work {
 public:
  Work(const Request* requests, std::size_t count) : requests_(requests), ends_(count) {
    std::uint64_t end = 0;
    for (std::size_t k = 0; k < count; ++k) ends_[k] = end += requests[k].count;
    total_ = end;
  }

  std::uint64_t total() const { return total_; }

  void cut_for(int threads) {
    piece_ = std::clamp(total_ / (threads * pieces_per_thread), smallest_piece, largest_piece);
  }

  std::uint64_t pieces() const { return (total_ + piece_ - 1) / piece_; }

  void fill_piece(std::uint64_t index, const Kernels& kernels) const {
    std::uint64_t at = index * piece_;
    const std::uint64_t end = std::min(at + piece_, total_);
    std::size_t k = std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin();
    for (; at < end; ++k) {
      const std::uint64_t start = ends_[k] - requests_[k].count;
      const std::uint64_t stop = std::min(end, ends_[k]);
      if (at < stop) kernels.fill(requests_[k], at - start, stop - start);
      at = stop;
    }
  }

 private:
  const Request* requests_;
  std::vector<std::uint64_t> ends_;  // ends_[k]: elements of the requests up to and with k
  std::uint64_t total_ = 0, piece_ = largest_piece;
};

// Takes pieces until there are none. Only the calling thread may ask whether to give up.
void take_pieces(const Work& work, const Kernels& kernels, std::atomic<std::uint64_t>& next, std::atomic<bool>& stop,
                 Interrupted interrupted) {
  const DefaultArithmetic arithmetic;
  const std::uint64_t pieces = work.pieces();
  auto asked = Clock::now();
  for (std::uint64_t index; !stop && (index = next++) < pieces;) {
    work.fill_piece(index, kernels);
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

}  // namespace

bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads) {
  Work work(requests, count);
  for (std::size_t k = 0; k < count; ++k) advise_huge_pages(requests[k]);
  const Kernels& kernels = active_kernels();
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
  const int threads = threads_for(work.total(), most_threads);
  work.cut_for(threads);
  if (threads == 1) {
    take_pieces(work, kernels, next, stop, interrupted);
  } else {
    const auto caller = pthread_self();
#pragma omp parallel num_threads(threads)
    take_pieces(work, kernels, next, stop, pthread_equal(pthread_self(), caller) ? interrupted : nullptr);
  }
  return !stop;
}

}  // namespace fastinit
