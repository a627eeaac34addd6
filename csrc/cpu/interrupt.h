// Whether to give up: all threads ask now and then, and the calling thread answers.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>

namespace fastinit {

// Asks the caller of a fill, on its own thread, whether to give up.
using Interrupted = bool (*)();

class InterruptFlag {
 public:
  explicit InterruptFlag(Interrupted interrupted);
  InterruptFlag(const InterruptFlag&) = delete;
  InterruptFlag& operator=(const InterruptFlag&) = delete;

  // True for good once `interrupted` returned true. It is called at most twenty times per second, not again after that,
  // since no handler of a signal may run while Python has an exception, and only on the thread that made the flag, the
  // only one that may run them.
  bool is_set();

 private:
  const Interrupted interrupted_;
  const pthread_t caller_;
  std::chrono::steady_clock::time_point asked_;  // used by the calling thread only
  std::atomic<bool> set_{false};
};

}  // namespace fastinit
