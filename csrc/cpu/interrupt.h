// Whether to give up: asked now and then by all threads, answered by the calling one.
#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>

#include "cpu/fill.h"

namespace fastinit {

class Watch {
 public:
  explicit Watch(Interrupted interrupted);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // True for good once `interrupted` said so. It is asked at most twenty times a second, on the thread that made the
  // watch, since only that one may run Python's signal handlers.
  bool stopped();

 private:
  const Interrupted interrupted_;
  const pthread_t caller_;
  std::chrono::steady_clock::time_point asked_;  // the calling thread's alone
  std::atomic<bool> stopped_{false};
};

}  // namespace fastinit
