// Draws the orthogonal matrices among a list of requests.
#pragma once

#include <cstddef>
#include <memory>

#include "cpu/fill.h"
#include "request/request.h"

namespace fastinit {

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
