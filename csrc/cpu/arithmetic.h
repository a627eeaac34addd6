// The arithmetic that docs/streams.md requires, whatever the calling program has set.
#pragma once

#include <cfenv>

#if defined(FASTINIT_X86)
#include "lanes/x86.h"
#endif

namespace fastinit {

// Whether the thread has the default arithmetic; false where that is not known. To read a register takes a few
// nanoseconds, to set the whole environment a tenth of a microsecond.
inline bool has_default_arithmetic() {
#if defined(FASTINIT_X86)
  return x86_arithmetic() == x86_default_arithmetic;
#else
  return false;
#endif
}

// While it lives, the thread rounds to nearest and does not flush subnormals; its own setting is restored at the end.
class DefaultArithmetic {
 public:
  DefaultArithmetic() : is_changed_(!has_default_arithmetic()) {
    if (!is_changed_) return;
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultArithmetic() {
    if (is_changed_) std::fesetenv(&saved_);
  }
  DefaultArithmetic(const DefaultArithmetic&) = delete;
  DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

 private:
  const bool is_changed_;
  std::fenv_t saved_;
};

}  // namespace fastinit
