// Constants that are scattered over elements that lie apart.
#pragma once

#include "request/request.h"

namespace fastinit {

// Writes the elements [begin, end) of the request.
void scatter_constants(const Request& request, std::uint64_t begin, std::uint64_t end);

}  // namespace fastinit
