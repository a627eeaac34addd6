// Fills a list of requests in one parallel region.
#pragma once

#include <cstddef>

#include "request/request.h"

namespace fastinit {

// Asks, now and then, on the calling thread, whether to give up.
using Interrupted = bool (*)();

// With at most so many threads, 0 standing for thread_count(). False when `interrupted` said so: part of the memory is
// then written and the rest as it was.
bool fill(const Request* requests, std::size_t count, Interrupted interrupted, int most_threads);

}  // namespace fastinit
