#include "cpu/work.h"

#include <algorithm>
#include <atomic>

#include "cpu/arithmetic.h"
#include "cpu/threads.h"
#include "request/samples.h"

namespace fastinit {
namespace {

// With fewer values per thread, to wake another thread costs more than it saves (a few microseconds).
constexpr double values_per_thread = 16384;
// A piece is small enough that threads finish together and Ctrl-C is answered, and large enough to cost nothing. In a
// large tensor it is larger than a huge page, since two threads that first touch one at the same time both zero it.
// Multiples of the smallest one keep threads out of each other's cache lines, and loops over whole sets of groups.
constexpr std::uint64_t smallest_piece = 4096, largest_piece = 1 << 20, pieces_per_thread = 16;
// Columns are processed side by side, and in fewer pieces, since narrow ones waste lanes and cache lines.
constexpr std::uint64_t column_pieces_per_thread = 4, columns_side_by_side = 512;

// The words that a column takes, including those before the part.
std::uint64_t cost_of_column(const Request& r) {
  std::uint64_t last = r.position;  // position of the part's last element
  for (std::uint64_t axis = 0; axis < r.rank; ++axis) last += (r.extent[axis] - 1) * r.step[axis];
  return last - r.position / r.period * r.period + 1;
}

// Runs pieces until none are left. Those that are taken one after the other are far apart, so that threads do not touch
// the same new page at the same time, however small a piece is.
void take_pieces(const Work& work, const Act& act, std::atomic<std::uint64_t>& next, InterruptFlag& flag) {
  const DefaultArithmetic arithmetic;
  const std::uint64_t pieces = work.pieces(), regions = work.threads(), each = (pieces + regions - 1) / regions;
  for (std::uint64_t turn; !flag.is_set() && (turn = next++) < regions * each;) {
    const std::uint64_t piece = turn % regions * each + turn / regions;
    if (piece >= pieces) continue;
    work.run_piece(piece, [&](const Request& r, std::uint64_t begin, std::uint64_t end) { act(r, begin, end, piece); });
  }
}

}  // namespace

void Work::add(const Request& request, std::uint64_t units, std::uint64_t cost) {
  total_ += units * cost;
  most_cost_ = std::max(most_cost_, cost);
  jobs_.push_back({&request, units, cost, total_});
}

void Work::divide(int most_threads) {
  threads_ = threads_for(double(total_), values_per_thread, most_threads);
  const std::uint64_t most = std::max(largest_piece, columns_side_by_side * most_cost_);
  const std::uint64_t each = most_cost_ > 1 ? column_pieces_per_thread : pieces_per_thread;
  const std::uint64_t pieces = threads_ == 1 ? 1 : threads_ * each;  // a thread alone waits for none
  const std::uint64_t size = std::clamp(total_ / pieces, smallest_piece, most);
  piece_ = (size + smallest_piece - 1) / smallest_piece * smallest_piece;
}

std::vector<Work::Job>::const_iterator Work::job_at(std::uint64_t cost) const {
  return std::upper_bound(jobs_.begin(), jobs_.end(), cost,
                          [](std::uint64_t x, const Job& job) { return x < job.end; });
}

bool run(const Work& work, const Act& act, Interrupted interrupted) {
  if (work.pieces() == 0) return true;
  std::atomic<std::uint64_t> next{0};
  InterruptFlag flag(interrupted);
  if (work.threads() == 1) {
    take_pieces(work, act, next, flag);
  } else {
#pragma omp parallel num_threads(work.threads())
    take_pieces(work, act, next, flag);
  }
  return !flag.is_set();
}

void add_mask(Work& work, const Request& mask) {
  if (mask.distribution != Distribution::exact_count_mask) {  // elements do not depend on each other
    work.add(mask, mask.count);
  } else {
    work.add(mask, columns_of(mask), cost_of_column(mask));
  }
}

}  // namespace fastinit
