// Work cut into pieces that threads take in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cpu/fill.h"
#include "request/request.h"

namespace fastinit {

// Units of requests (elements, or columns of samples), end to end, cut into pieces of equal cost: small and large
// tensors share the threads evenly, and no value knows where the cuts are.
class Work {
 public:
  // All requests of one kind, for at most so many threads (0: thread_count()).
  Work(const Request* requests, std::size_t count, bool (*belongs)(const Request&), int most_threads);
  // So many units of one request.
  Work(const Request& request, std::uint64_t units);

  int threads() const { return threads_; }
  std::uint64_t pieces() const { return (total_ + piece_ - 1) / piece_; }

  // Calls act(request, begin, end) for the units of a piece.
  template <class Act>
  void run_piece(std::uint64_t piece, const Act& act) const {
    std::uint64_t at = piece * piece_;
    const std::uint64_t end = at + piece_ < total_ ? at + piece_ : total_;
    for (auto job = job_at(at); at < end; ++job) {
      const std::uint64_t start = job->end - job->units * job->cost, stop = end < job->end ? end : job->end;
      const std::uint64_t first = (at - start + job->cost - 1) / job->cost;   // a unit belongs to the piece
      const std::uint64_t last = (stop - start + job->cost - 1) / job->cost;  // in which its cost begins
      if (first < last) act(*job->request, first, last);
      at = stop;
    }
  }

 private:
  struct Job {
    const Request* request;
    std::uint64_t units, cost;  // of each
    std::uint64_t end;          // cost of all jobs up to and with this one
  };
  void cut(int most_threads);
  void add(const Request& request, std::uint64_t units, std::uint64_t cost);
  std::vector<Job>::const_iterator job_at(std::uint64_t cost) const;

  std::vector<Job> jobs_;
  std::uint64_t total_ = 0, piece_ = 1, most_cost_ = 1;
  int threads_ = 1;
};

using Act = std::function<void(const Request& request, std::uint64_t begin, std::uint64_t end, std::uint64_t piece)>;

// Calls act(request, begin, end, piece) for all of the work, in as many threads as it was cut for. False when
// `interrupted` said to give up.
bool run(const Work& work, const Act& act, Interrupted interrupted);

}  // namespace fastinit
