// Sparse matrices for NumPy arrays.
#pragma once

#include <pybind11/numpy.h>

#include "cpu/fill.h"
#include "request/request.h"

namespace fastinit {

// (starts, minor) of what the mask keeps of a matrix, int32 where all numbers fit, else int64.
pybind11::tuple kept_arrays(const Request& mask, std::uint64_t rows, std::uint64_t columns, bool by_column,
                            Interrupted interrupted);

// Draws the values that stand there to the fill's address.
void gather_values(const Request& fill, const pybind11::array& starts, const pybind11::array& minor, bool by_column,
                   Interrupted interrupted);

}  // namespace fastinit
