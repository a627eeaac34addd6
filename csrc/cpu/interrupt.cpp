#include "cpu/interrupt.h"

#include "cpu/orthogonal/reflectors.h"

namespace fastinit {

namespace {
constexpr auto time_between_questions = std::chrono::milliseconds(50);
}

Watch::Watch(Interrupted interrupted)
    : interrupted_(interrupted), caller_(pthread_self()), asked_(std::chrono::steady_clock::now()) {}

bool Watch::stopped() {
  if (interrupted_ && pthread_equal(pthread_self(), caller_)) {
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ > time_between_questions) {
      asked_ = now;
      if (interrupted_()) stopped_ = true;
    }
  }
  return stopped_;
}

bool stopped(Watch& watch) { return watch.stopped(); }

}  // namespace fastinit
