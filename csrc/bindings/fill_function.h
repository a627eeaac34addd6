// The function that fills on the CPU, as one extension module passes it to another.
#pragma once

#include <cstddef>

#include "cpu/interrupt.h"
#include "request/request.h"

namespace fastinit {

// See cpu/fill.h.
using FillFunction = bool(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads);

}  // namespace fastinit
