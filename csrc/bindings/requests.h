// The list of requests that Python passes.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>

#include "request/request.h"

namespace fastinit {

struct RequestList {
  const Request* first;
  std::size_t count;
};

// The requests of an array, each of them valid. Throws what Python sees as TypeError or ValueError.
RequestList requests_in(const pybind11::array& requests, const pybind11::dtype& request_dtype);

// Those of packed bytes.
RequestList requests_in(const pybind11::bytes& packed);

}  // namespace fastinit
