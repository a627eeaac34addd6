#include "cpu/mask/border.h"

#include <algorithm>
#include <cmath>

#include "cpu/dispatch.h"
#include "cpu/mask/list_memory.h"
#include "cpu/work.h"

namespace fastinit {
namespace {

constexpr double words = 4294967296.0;
constexpr int word_bits = 32;

// The words of `count` elements, as the request of a mask over them.
Request request_for_words(std::uint64_t seed, std::uint64_t stream, std::uint64_t count) {
  Request r = {};
  r.seed = seed;
  r.stream = stream;
  r.count = count;
  r.rank = 1;
  r.extent[0] = count;
  r.stride[0] = 1;
  r.distribution = Distribution::bernoulli_mask;
  return r;
}

std::uint32_t word_at(double rank, double count) {
  return static_cast<std::uint32_t>(std::clamp(rank / count * words, 0.0, words - 1));
}

// The keys of the elements with words from `first` to `last`, and the number of smaller keys.
class Keys {
 public:
  Keys(std::uint32_t first, std::uint32_t last) : first_(first), last_(last) {}
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;
  ~Keys() {
    for (const KeyList& piece : pieces_) free_list(piece.keys);
  }

  BorderSearch list(const Request& request, Interrupted interrupted) {
    const Kernels& kernels = active_kernels();
    Work work;
    work.add(request, request.count);
    work.divide(0);
    pieces_.assign(work.pieces(), KeyList{first_, last_, 0, empty_list()});
    const auto act = [&](const Request& r, std::uint64_t begin, std::uint64_t end, std::uint64_t piece) {
      kernels.list_keys(r, begin, end, pieces_[piece]);
    };
    if (!run(work, act, interrupted)) return BorderSearch::interrupted;
    for (const KeyList& piece : pieces_) {
      if (piece.keys.failed) return BorderSearch::out_of_memory;
      below_ += piece.below;
      keys_.insert(keys_.end(), piece.keys.item, piece.keys.item + piece.keys.size);
    }
    return BorderSearch::found;
  }

  bool hold(std::uint64_t rank) const { return below_ < rank && rank <= below_ + keys_.size(); }

  // The border below which `rank` keys lie, which hold(rank).
  MaskBorder border(std::uint64_t rank) {
    const auto last = keys_.begin() + static_cast<std::ptrdiff_t>(rank - below_ - 1);
    std::nth_element(keys_.begin(), last, keys_.end());
    const std::uint64_t key = *last;
    MaskBorder border{static_cast<std::uint32_t>(key >> word_bits), {}};
    bool all_are_zeroed = true;
    for (const std::uint64_t each : keys_) {
      if (each >> word_bits != border.threshold) continue;
      if (each <= key) border.tied.push_back(each & UINT32_MAX);
      all_are_zeroed = all_are_zeroed && each <= key;
    }
    if (all_are_zeroed && border.threshold < UINT32_MAX) {
      ++border.threshold;
      border.tied.clear();
    }
    std::sort(border.tied.begin(), border.tied.end());
    return border;
  }

 private:
  std::uint32_t first_, last_;
  std::uint64_t below_ = 0;
  std::vector<KeyList> pieces_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace

BorderSearch find_border(std::uint64_t seed, std::uint64_t stream, std::uint64_t count, std::uint64_t zeros,
                         Interrupted interrupted, MaskBorder& border) {
  const Request request = request_for_words(seed, stream, count);
  const double n = static_cast<double>(count), k = static_cast<double>(zeros);
  // The number of words below a bound is binomial: eight standard deviations hold the border but once in 1e15 times.
  for (double spread = 8 * std::sqrt(k * (1 - k / n)) + 8;; spread *= 4) {
    Keys keys(word_at(k - spread, n), word_at(k + spread, n));
    const BorderSearch result = keys.list(request, interrupted);
    if (result != BorderSearch::found) return result;
    if (keys.hold(zeros)) {
      border = keys.border(zeros);
      return result;
    }
  }
}

}  // namespace fastinit
