#include "cpu/work.h"

#include <algorithm>
#include <atomic>

#include "cpu/arithmetic.h"
#include "request/samples.h"
#include "cpu/threads.h"
#include "cpu/interrupt.h"

namespace fastinit {
namespace {

// With fewer values, waking another thread costs more than it saves (a few microseconds).
constexpr std::uint64_t values_per_thread = 16384;
// A piece of work: small enough that threads end together and Ctrl-C is answered, large enough to cost nothing. Of a
// large tensor it is more than a huge page: two threads that touch one first at the same time both set it to zero.
constexpr std::uint64_t smallest_piece = 4096, largest_piece = 1 << 20, pieces_per_thread = 16;
// Columns are worked side by side: in fewer pieces, since narrow ones waste lanes and cache lines.
constexpr std::uint64_t column_pieces_per_thread = 4, columns_side_by_side = 512;

// All words of a column, those that are replayed among them.
std::uint64_t cost_of_column(const Request& r) {
  std::uint64_t last = r.position;  // position of the part's last element
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) last += (r.extent[axis] - 1) * r.step[axis];
  return last - r.position / r.period * r.period + 1;
}

// Takes pieces until there are none.
void take_pieces(const Work& work, const Act& act, std::atomic<std::uint64_t>& next, Watch& watch) {
  const DefaultArithmetic arithmetic;
  const std::uint64_t pieces = work.pieces();
  for (std::uint64_t piece; !watch.stopped() && (piece = next++) < pieces;) {
    work.run_piece(piece, [&](const Request& r, std::uint64_t begin, std::uint64_t end) { act(r, begin, end, piece); });
  }
}

int threads_for(std::uint64_t values, int most) {
  if (values < 2 * values_per_thread || is_forked_child()) return 1;
  return static_cast<int>(std::min<std::uint64_t>(most ? most : thread_count(), values / values_per_thread));
}

}  // namespace

Work::Work(const Request* requests, std::size_t count, bool (*belongs)(const Request&), int most_threads) {
  for (const Request* r = requests; r < requests + count; ++r) {
    if (!belongs(*r) || r->count == 0) continue;
    if (r->distribution == subset) {
      add(*r, columns_of(*r), cost_of_column(*r));
    } else {
      add(*r, r->count, 1);
    }
  }
  cut(most_threads);
}

Work::Work(const Request& request, std::uint64_t units) {
  add(request, units, 1);
  cut(0);
}

void Work::add(const Request& request, std::uint64_t units, std::uint64_t cost) {
  total_ += units * cost;
  most_cost_ = std::max(most_cost_, cost);
  jobs_.push_back({&request, units, cost, total_});
}

void Work::cut(int most_threads) {
  threads_ = threads_for(total_, most_threads);
  const std::uint64_t most = std::max(largest_piece, columns_side_by_side * most_cost_);
  const std::uint64_t pieces = threads_ * (most_cost_ > 1 ? column_pieces_per_thread : pieces_per_thread);
  piece_ = std::clamp(total_ / pieces, smallest_piece, most);
}

std::vector<Work::Job>::const_iterator Work::job_at(std::uint64_t cost) const {
  return std::upper_bound(jobs_.begin(), jobs_.end(), cost,
                          [](std::uint64_t x, const Job& job) { return x < job.end; });
}

bool run(const Work& work, const Act& act, Interrupted interrupted) {
  if (work.pieces() == 0) return true;
  std::atomic<std::uint64_t> next{0};
  Watch watch(interrupted);
  if (work.threads() == 1) {
    take_pieces(work, act, next, watch);
  } else {
#pragma omp parallel num_threads(work.threads())
    take_pieces(work, act, next, watch);
  }
  return !watch.stopped();
}

}  // namespace fastinit
