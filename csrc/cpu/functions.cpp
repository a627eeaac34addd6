#include "cpu/functions.h"

#include "cpu/dispatch.h"
#include "cpu/parallel.h"

namespace fastinit {

void apply(Function function, double number, double* values, std::uint64_t count) {
  const Kernels& kernels = active_kernels();
  for_each_piece(count, 4096, 1, [&](std::uint64_t begin, std::uint64_t size) {
    kernels.apply(function, number, values + begin, size);
  });
}

}  // namespace fastinit
