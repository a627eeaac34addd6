// Fills the memory of a list of requests.
#pragma once

#include <cstddef>

#include "cpu/interrupt.h"
#include "request/request.h"

namespace fastinit {

// Uses at most `most_threads` threads, where 0 stands for thread_count(). Returns false if `interrupted` returned true:
// part of the memory is then written and the rest unchanged.
bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads);

}  // namespace fastinit
