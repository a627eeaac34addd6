// The interpreter's lock, for threads that may still draw when the interpreter ends.
//
// A daemon thread that asks for the lock then never gets it. Until Python 3.14 its stack is unwound instead, which C++
// ends with std::terminate where a destructor asked. Here such a thread waits for the end of the process, as it does
// in Python 3.14.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

namespace fastinit {

// Returns act(), which asks for the lock.
template <class Act>
auto with_the_gil_or_never(const Act& act) {
#if defined(__GLIBCXX__)
  try {
    return act();
  } catch (const abi::__forced_unwind&) {
    for (;;) pause();
  }
#else
  return act();
#endif
}

// While it lives, the thread does not hold the lock.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  ~GilRelease() {
    with_the_gil_or_never([&] { PyEval_RestoreThread(state_); });
  }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* const state_;
};

}  // namespace fastinit
