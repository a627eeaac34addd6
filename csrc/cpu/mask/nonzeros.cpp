#include "cpu/mask/nonzeros.h"

#include <algorithm>
#include <cstdlib>

#include "cpu/dispatch.h"
#include "cpu/work.h"

namespace fastinit {
namespace {

constexpr std::uint64_t smallest_list = 1024;
constexpr std::uint64_t indices_at_once = 256;

// Called between kernels' loops, on any thread: nothing may be thrown there.
void grow(Kept& kept) {
  const std::uint64_t capacity = std::max(smallest_list, kept.capacity + kept.capacity / 2);
  void* const places = std::realloc(kept.places, capacity * sizeof *kept.places);
  if (!places) {
    kept.failed = true;
    kept.size = 0;
    return;
  }
  kept.places = static_cast<std::uint64_t*>(places);
  kept.capacity = capacity;
}

bool is_any(const Request&) { return true; }

}  // namespace

KeptElements::~KeptElements() {
  for (const Kept& piece : pieces_) std::free(piece.places);
}

bool KeptElements::find(const Request& mask, Interrupted interrupted) {
  const Kernels& kernels = active_kernels();
  const Work work(&mask, 1, is_any, 0);
  pieces_.assign(work.pieces(), Kept{nullptr, 0, 0, grow, false});
  const auto act = [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t piece) {
    kernels.keep(r, begin, end, pieces_[piece]);
  };
  const bool finished = run(work, act, interrupted);
  for (const Kept& piece : pieces_) out_of_memory_ |= piece.failed;
  return finished && !out_of_memory_;
}

std::uint64_t KeptElements::count() const {
  std::uint64_t count = 0;
  for (const Kept& piece : pieces_) count += piece.size;
  return count;
}

template <class Index>
void KeptElements::compress(std::uint64_t lines, std::uint64_t columns, bool by_column, Index* starts,
                            Index* minor) const {
  // A counting sort that keeps the order of what lies in one line.
  const auto for_each = [&](const auto& act) {
    for (const Kept& piece : pieces_) {
      for (std::uint64_t k = 0; k < piece.size; ++k) {
        const std::uint64_t row = piece.places[k] / columns, column = piece.places[k] - row * columns;
        by_column ? act(column, row) : act(row, column);
      }
    }
  };
  std::fill(starts, starts + lines + 1, Index(0));
  for_each([&](std::uint64_t line, std::uint64_t) { ++starts[line + 1]; });
  for (std::uint64_t line = 0; line < lines; ++line) starts[line + 1] += starts[line];
  // starts[line] runs through the line's elements, and so ends where the next line starts.
  for_each([&](std::uint64_t line, std::uint64_t other) { minor[starts[line]++] = static_cast<Index>(other); });
  for (std::uint64_t line = lines; line > 0; --line) starts[line] = starts[line - 1];
  starts[0] = 0;
}

template <class Index>
bool gather(const Request& fill, std::uint64_t lines, const Index* starts, const Index* minor, bool by_column,
            void* out, Interrupted interrupted) {
  const Kernels& kernels = active_kernels();
  const std::uint64_t line_stride = fill.stride[by_column ? 1 : 0], stride = fill.stride[by_column ? 0 : 1];
  const Work work(fill, static_cast<std::uint64_t>(starts[lines]));
  const auto act = [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t) {
    std::uint64_t flat[indices_at_once];
    std::uint64_t line = std::upper_bound(starts, starts + lines + 1, static_cast<Index>(begin)) - starts - 1;
    for (std::uint64_t k = begin; k < end;) {
      const std::uint64_t first = k, stop = std::min(end, k + indices_at_once);
      for (; k < stop; ++k) {
        while (k >= static_cast<std::uint64_t>(starts[line + 1])) ++line;
        flat[k - first] = r.offset + line * line_stride + static_cast<std::uint64_t>(minor[k]) * stride;
      }
      kernels.gather(r, flat, stop - first, static_cast<char*>(out) + first * r.item_size);
    }
  };
  return run(work, act, interrupted);
}

template void KeptElements::compress(std::uint64_t, std::uint64_t, bool, std::int32_t*, std::int32_t*) const;
template void KeptElements::compress(std::uint64_t, std::uint64_t, bool, std::int64_t*, std::int64_t*) const;
template bool gather(const Request&, std::uint64_t, const std::int32_t*, const std::int32_t*, bool, void*, Interrupted);
template bool gather(const Request&, std::uint64_t, const std::int64_t*, const std::int64_t*, bool, void*, Interrupted);

}  // namespace fastinit
