// Arrays divided among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "cpu/arithmetic.h"
#include "cpu/threads.h"

namespace fastinit {

// Calls act(begin, count) for pieces of an array in at most thread_count() threads, with the default arithmetic.
template <class Act>
void for_each_piece(std::uint64_t count, const Act& act) {
  constexpr double values_per_thread = 8192;
  constexpr std::uint64_t piece = 4096;
  const int threads = threads_for(static_cast<double>(count), values_per_thread, 0);
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
