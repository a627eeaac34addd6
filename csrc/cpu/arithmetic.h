// The arithmetic that docs/streams.md asks for, whatever the calling program has set.
#pragma once

#include <cfenv>

namespace fastinit {

// Round to nearest and no flushing of subnormals while it lives; the thread's own setting again at its end.
class DefaultArithmetic {
 public:
  DefaultArithmetic() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultArithmetic() { std::fesetenv(&saved_); }
  DefaultArithmetic(const DefaultArithmetic&) = delete;
  DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace fastinit
