#include "cpu/interrupt.h"

namespace fastinit {

namespace {
constexpr auto time_between_questions = std::chrono::milliseconds(50);
}

InterruptFlag::InterruptFlag(Interrupted interrupted)
    : interrupted_(interrupted), caller_(pthread_self()), asked_(std::chrono::steady_clock::now()) {}

bool InterruptFlag::is_set() {
  if (interrupted_ && !set_ && pthread_equal(pthread_self(), caller_)) {
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ > time_between_questions) {
      asked_ = now;
      if (interrupted_()) set_ = true;
    }
  }
  return set_;
}

}  // namespace fastinit
