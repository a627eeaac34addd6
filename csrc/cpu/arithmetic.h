// The arithmetic that docs/streams.md requires, whatever the calling program has set.
#pragma once

#include <cfenv>

namespace fastinit {

// While it lives, the thread rounds to nearest and does not flush subnormals; its own setting is restored at the end.
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
