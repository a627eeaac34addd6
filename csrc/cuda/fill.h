// Fills a list of requests on a GPU.
#pragma once

#include <cstddef>

#include "cpu/request.h"

namespace fastinit {

// Queues the work on a stream (a cudaStream_t) of a device and returns. Throws CudaFailure.
void fill_on_cuda(const Request* requests, std::size_t count, int device, void* stream);

}  // namespace fastinit
