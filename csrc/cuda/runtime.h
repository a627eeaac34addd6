// The CUDA runtime's calls, with their failures as exceptions; no CUDA type is named here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace fastinit {

struct CudaFailure : std::runtime_error {
  int code;
  std::string call;
  CudaFailure(int error, const char* name_of_call, const std::string& wanted);
};

// Throws unless a call returned 0, its error number. `wanted` is what it was asked for, if that says more.
void check_cuda(int error, const char* name_of_call, const std::string& wanted = "");

// Makes a device the calling thread's while it lives.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device);
  ~CurrentDevice();
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int previous_ = 0;
  bool changed_ = false;
};

struct DeviceProperties {
  std::string name;
  int major, minor, multiprocessors;
  std::size_t total_memory;
};

// Throws std::runtime_error if a stream's work is being captured into a CUDA graph.
void refuse_capture(void* stream);

int runtime_version();
int driver_version();
int device_count();
int current_device();
DeviceProperties device_properties(int device);
std::pair<std::size_t, std::size_t> memory_info(int device);  // free, total
int pointer_device(std::uint64_t address);                    // -1: host memory

}  // namespace fastinit
