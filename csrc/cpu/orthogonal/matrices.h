// Draws orthogonal matrices.
#pragma once

#include <memory>
#include <vector>

#include "cpu/interrupt.h"
#include "request/request.h"

namespace fastinit {

// The matrices of a list of requests of class matrix. Make it before anything is written, since it allocates all the
// memory that drawing them needs.
class OrthogonalMatrices {
 public:
  OrthogonalMatrices(const std::vector<const Request*>& requests, int most_threads);
  ~OrthogonalMatrices();
  OrthogonalMatrices(const OrthogonalMatrices&) = delete;
  OrthogonalMatrices& operator=(const OrthogonalMatrices&) = delete;

  // Returns false if `interrupted` returned true.
  bool draw(Interrupted interrupted);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fastinit
