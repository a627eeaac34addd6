// Sparse matrices as NumPy arrays.
#pragma once

#include <pybind11/numpy.h>

#include "cpu/interrupt.h"
#include "request/request.h"

namespace fastinit {

// (indptr, indices) of the elements that the mask leaves of a matrix, int32 where all numbers fit, else int64: CSR, or
// CSC if `by_column`.
pybind11::tuple nonzero_arrays(const Request& mask, std::uint64_t rows, std::uint64_t columns, bool by_column,
                               Interrupted interrupted);

// Draws the values of these elements to the fill's address.
void gather_values(const Request& fill, const pybind11::array& indptr, const pybind11::array& indices, bool by_column,
                   Interrupted interrupted);

}  // namespace fastinit
