// Draws the orthogonal matrices among a list of requests.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/fill.h"
#include "cpu/request.h"

namespace fastinit {

// What an axis of an orthogonal request is (Request::cut holds two bits an axis, outermost first in the low bits).
// The matrix has the row axes' indices down and the column axes' across, each in C order; every index of the batch axes
// is a matrix of its own; on a kernel axis the matrix lies at the centre, (size - 1) / 2.
enum AxisRole : std::uint32_t { row_axis = 0, column_axis = 1, batch_axis = 2, kernel_axis = 3 };
inline AxisRole role_of(const Request& r, std::uint64_t axis) { return AxisRole(r.cut >> (2 * axis) & 3); }

// The whole matrices, rows and columns of the tall one, and the batch: what bindings check.
struct OrthogonalShape {
  std::uint64_t whole[maximum_rank];  // extents of the whole array
  std::uint64_t height, width;        // of each matrix, as it stands in the array
};

// False where the request's numbers cannot be a part of a whole array.
bool orthogonal_shape(const Request& request, OrthogonalShape& shape);

// The orthogonal matrices of a list of requests: made before anything is written, since it takes all the memory that
// drawing them needs.
class OrthogonalMatrices {
 public:
  OrthogonalMatrices(const Request* requests, std::size_t count, int most_threads);
  ~OrthogonalMatrices();
  OrthogonalMatrices(const OrthogonalMatrices&) = delete;
  OrthogonalMatrices& operator=(const OrthogonalMatrices&) = delete;

  // After the elementwise fills: a matrix may lie inside memory that one of them sets to zero.
  // False when `interrupted` said to give up.
  bool draw(Interrupted interrupted);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fastinit
