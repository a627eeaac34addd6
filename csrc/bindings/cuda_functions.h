// The functions of the module _cuda that the module _xla calls, as one passes them to the other.
#pragma once

#include "cuda/keyed/fill.h"

namespace fastinit {

struct CudaFunctions {
  decltype(&fill_keyed_on_cuda) fill;
  decltype(&read_from_cuda) read;
};

}  // namespace fastinit
