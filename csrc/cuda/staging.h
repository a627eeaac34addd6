// Memory through which tables go to a device.
#pragma once

#include <cstddef>

namespace fastinit {

// A pair of buffers, page-locked memory of the host and memory of the current device, from a pool that only grows: what
// a call took is free for others once the stream has come to the end of that call's work. So no call waits for another.
class Staging {
 public:
  Staging(std::size_t size, void* stream);
  ~Staging();  // what was queued on the stream so far may use the buffers, nothing later
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
