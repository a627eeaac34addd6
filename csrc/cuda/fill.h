// Fills the memory of a list of requests on a GPU.
#pragma once

#include <cstddef>

#include "request/request.h"

namespace fastinit {

// Queues the work on a stream (a cudaStream_t) of a device and returns. Throws CudaFailure, and std::runtime_error if
// the stream is being captured into a graph or a launch would have too many tiles.
void fill_on_cuda(const Request* requests, std::size_t count, int device, void* stream);

}  // namespace fastinit
