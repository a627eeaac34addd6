#include "cpu/functions.h"

#include <algorithm>
#include <atomic>

#include "cpu/arithmetic.h"
#include "cpu/dispatch.h"
#include "cpu/threads.h"

namespace fastinit {
namespace {

constexpr double values_per_thread = 8192;
constexpr std::uint64_t piece = 4096;

}  // namespace

void apply(Function function, double number, double* values, std::uint64_t count) {
  const Kernels& kernels = active_kernels();
  const int threads = threads_for(static_cast<double>(count), values_per_thread, 0);
  std::atomic<std::uint64_t> next{0};
  const auto take_pieces = [&] {
    const DefaultArithmetic arithmetic;
    for (std::uint64_t at; (at = next.fetch_add(piece)) < count;) {
      kernels.apply(function, number, values + at, std::min(piece, count - at));
    }
  };
  if (threads == 1) return take_pieces();
#pragma omp parallel num_threads(threads)
  take_pieces();
}

}  // namespace fastinit
