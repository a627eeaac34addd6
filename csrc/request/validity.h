// Which requests native code accepts.
#pragma once

#include "request/request.h"

namespace fastinit {

// Whether all fields that its class of requests uses are in range and agree with each other.
bool is_valid(const Request& request);

}  // namespace fastinit
