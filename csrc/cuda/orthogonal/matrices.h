// Draws orthogonal matrices on a GPU.
#pragma once

#include <memory>
#include <vector>

#include "request/request.h"

namespace fastinit {

// The matrices of a list of requests of class matrix. Make it before anything is queued that writes, since it allocates
// all the memory that drawing them needs.
class OrthogonalMatrices {
 public:
  OrthogonalMatrices(const std::vector<const Request*>& requests, int device, void* stream);
  ~OrthogonalMatrices();  // work that is queued later must not use the memory
  OrthogonalMatrices(const OrthogonalMatrices&) = delete;
  OrthogonalMatrices& operator=(const OrthogonalMatrices&) = delete;

  void queue();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fastinit
