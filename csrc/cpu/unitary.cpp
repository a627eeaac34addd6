#include "cpu/unitary.h"

#include <memory>

#include "cpu/dispatch.h"
#include "cpu/parallel.h"
#include "numerics/unitary.h"

namespace fastinit {

void make_unitary(double* z, std::uint64_t rows, std::uint64_t columns) {
  const Kernels& kernels = active_kernels();
  const std::unique_ptr<double[]> memory(new double[2 * rows * columns + 3 * columns]);
  const ComplexReflectors reflectors = {rows,
                                        columns,
                                        memory.get(),
                                        memory.get() + rows * columns,
                                        memory.get() + 2 * rows * columns,
                                        memory.get() + 2 * rows * columns + columns};
  {
    const DefaultArithmetic arithmetic;
    for (std::uint64_t k = 0; k < columns; ++k) make_reflector(z, k, reflectors);
  }
  const std::uint64_t width = kernels.unitary_columns;
  for_each_piece((columns + width - 1) / width, 1, static_cast<double>(rows * rows * width),
                 [&](std::uint64_t begin, std::uint64_t count) {
                   for (std::uint64_t strip = begin; strip < begin + count; ++strip)
                     kernels.unitary(reflectors, strip * width, z);
                 });
}

}  // namespace fastinit
