// Memory through which tables are copied to a device.
#pragma once

#include <cstddef>

namespace fastinit {

// A pair of buffers, page-locked memory of the host and memory of the current device, from a pool that only grows. The
// buffers of a call are free for other calls once its stream has finished that call's work, so no call waits for
// another.
class Staging {
 public:
  Staging(std::size_t size, void* stream);
  ~Staging();  // work that is queued later must not use the buffers
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  void* host() const;
  void* device() const;
  void copy_to_device(std::size_t size);

  struct Buffers;

 private:
  Buffers* buffers_;
  void* stream_;
};

}  // namespace fastinit
