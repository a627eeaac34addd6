// The memory of growing lists.
#pragma once

#include "cpu/mask/growing_list.h"

namespace fastinit {

// An empty list, which the kernels can make grow. Its items are for free_list.
GrowingList empty_list();
void free_list(const GrowingList& list);

}  // namespace fastinit
