// Draws the orthogonal matrices among a list of requests on a GPU.
#pragma once

#include <cstddef>
#include <memory>

#include "request/request.h"

namespace fastinit {

// Made before anything is queued that writes, since it takes all the memory that drawing them needs.
class OrthogonalQueue {
 public:
  OrthogonalQueue(const Request* requests, std::size_t count, int device, void* stream);
  ~OrthogonalQueue();  // what was queued so far may use the memory, nothing later
  OrthogonalQueue(const OrthogonalQueue&) = delete;
  OrthogonalQueue& operator=(const OrthogonalQueue&) = delete;

  void queue();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fastinit
