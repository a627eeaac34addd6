// Calls of the CUDA runtime, whose failures become exceptions. No CUDA type is named here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace fastinit {

struct CudaFailure : std::runtime_error {
  int code;
  std::string call;
  CudaFailure(int error, const char* name_of_call, const std::string& wanted);
};

// Whether `error`, which a call returned, is 0. Otherwise clears it, so that no later caller takes it for its own.
bool succeeded(int error);

// Throws unless `error`, which a call returned, is 0. `wanted` describes what was asked for, if it helps.
void check_cuda(int error, const char* name_of_call, const std::string& wanted = "");

// Makes a device the current one of the calling thread while it lives.
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

// While it lives, the calling thread may allocate and ask about events although some stream is being captured into a
// graph. Otherwise these calls fail in most modes of a capture, and end it.
class RelaxedCaptureMode {
 public:
  RelaxedCaptureMode();
  ~RelaxedCaptureMode();
  RelaxedCaptureMode(const RelaxedCaptureMode&) = delete;
  RelaxedCaptureMode& operator=(const RelaxedCaptureMode&) = delete;

 private:
  int previous_;
};

struct DeviceProperties {
  std::string name;
  int major, minor;  // of the compute capability
};

// Throws std::runtime_error if a stream is being captured into a CUDA graph.
void refuse_capture(void* stream);

int runtime_version();
int driver_version();
int device_count();
int current_device();
DeviceProperties device_properties(int device);
std::size_t free_memory();                  // of the current device, in bytes
int pointer_device(std::uint64_t address);  // -1: host memory

}  // namespace fastinit
