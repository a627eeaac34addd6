// Work divided into pieces that threads take in turn.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cpu/interrupt.h"
#include "request/request.h"

namespace fastinit {

// Units of requests (elements, or columns of samples), end to end, divided into pieces of equal cost: small and large
// tensors share the threads evenly, and no value depends on the division.
class Work {
 public:
  // Adds `units` units of a request, which must outlive the work, of equal cost: 1 for each value that is drawn.
  void add(const Request& request, std::uint64_t units, std::uint64_t cost = 1);
  // Divides everything for at most `most_threads` threads, where 0 stands for thread_count().
  void divide(int most_threads);

  int threads() const { return threads_; }
  std::uint64_t pieces() const { return (total_ + piece_ - 1) / piece_; }

  // Calls act(request, begin, end) for the units of a piece.
  template <class Act>
  void run_piece(std::uint64_t piece, const Act& act) const {
    std::uint64_t at = piece * piece_;
    const std::uint64_t end = at + piece_ < total_ ? at + piece_ : total_;
    for (auto job = job_at(at); at < end; ++job) {
      const std::uint64_t start = job->end - job->units * job->cost, stop = end < job->end ? end : job->end;
      // A unit belongs to the piece in which its cost begins.
      const std::uint64_t first = (at - start + job->cost - 1) / job->cost;
      const std::uint64_t last = (stop - start + job->cost - 1) / job->cost;
      if (first < last) act(*job->request, first, last);
      at = stop;
    }
  }

 private:
  struct Job {
    const Request* request;
    std::uint64_t units, cost;  // number of units, and the cost of each
    std::uint64_t end;          // cost of all jobs up to and including this one
  };
  std::vector<Job>::const_iterator job_at(std::uint64_t cost) const;

  std::vector<Job> jobs_;
  std::uint64_t total_ = 0, piece_ = 1, most_cost_ = 1;
  int threads_ = 1;
};

using Act = std::function<void(const Request& request, std::uint64_t begin, std::uint64_t end, std::uint64_t piece)>;

// Calls act(request, begin, end, piece) for all of the work, in as many threads as it was divided for. Returns false if
// `interrupted` returned true.
bool run(const Work& work, const Act& act, Interrupted interrupted);

// Adds a mask: its columns of samples, or its elements where each is independent.
void add_mask(Work& work, const Request& mask);

}  // namespace fastinit
