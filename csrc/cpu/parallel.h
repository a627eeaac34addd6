// Arrays divided among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "cpu/arithmetic.h"
#include "cpu/threads.h"

namespace fastinit {

// Calls act(begin, count) for pieces of at most `piece` out of `count` items, in at most thread_count() threads with
// the default arithmetic. An item costs as much as `cost` values of a function.
template <class Act>
void for_each_piece(std::uint64_t count, std::uint64_t piece, double cost, const Act& act) {
  constexpr double values_per_thread = 8192;
  const int threads = threads_for(static_cast<double>(count) * cost, values_per_thread, 0);
  std::atomic<std::uint64_t> next{0};
  const auto take_pieces = [&] {
    const DefaultArithmetic arithmetic;
    for (std::uint64_t at; (at = next.fetch_add(piece)) < count;) act(at, std::min(piece, count - at));
  };
  if (threads == 1) return take_pieces();
#pragma omp parallel num_threads(threads)
  take_pieces();
}

}  // namespace fastinit
