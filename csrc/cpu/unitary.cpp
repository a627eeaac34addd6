#include "cpu/unitary.h"

#include <memory>

#include "cpu/dispatch.h"
#include "cpu/parallel.h"
#include "numerics/unitary.h"

namespace fastinit {

void make_unitary(double* z, std::uint64_t rows, std::uint64_t columns) {
  const Kernels& kernels = active_kernels();
  const std::uint64_t width = kernels.unitary_columns, strips = (columns + width - 1) / width;
  const std::uint64_t vectors = rows * columns, room = 2 * rows * width;
  const std::unique_ptr<double[]> memory(new double[2 * vectors + 3 * columns + strips * room]);
  double *const real = memory.get(), *const imaginary = real + vectors, *const tau = imaginary + vectors;
  double *const phase = tau + columns, *const rooms = phase + 2 * columns;
  const ComplexReflectors reflectors = {rows, columns, real, imaginary, tau, phase};
  {
    const DefaultArithmetic arithmetic;
    for (std::uint64_t k = 0; k < columns; ++k) make_reflector(z, k, reflectors);
  }
  for_each_piece(strips, 1, static_cast<double>(rows * rows * width), [&](std::uint64_t strip, std::uint64_t) {
    kernels.unitary(reflectors, strip * width, rooms + strip * room, z);
  });
}

}  // namespace fastinit
