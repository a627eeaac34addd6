// Unitary matrices from complex normals, on the CPU.
#pragma once

#include <cstdint>

namespace fastinit {

// Replaces the M x N pairs of z, M >= N, by those of a unitary matrix: its columns are orthonormal.
void make_unitary(double* z, std::uint64_t rows, std::uint64_t columns);

}  // namespace fastinit
