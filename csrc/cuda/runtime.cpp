#include "cuda/runtime.h"

#include <cuda_runtime_api.h>

namespace fastinit {

CudaFailure::CudaFailure(int error, const char* name_of_call, const std::string& wanted)
    : std::runtime_error(std::string(name_of_call) + (wanted.empty() ? "" : " of " + wanted) + ": " +
                         cudaGetErrorString(static_cast<cudaError_t>(error)) + " (" +
                         cudaGetErrorName(static_cast<cudaError_t>(error)) + ", " + std::to_string(error) + ")"),
      code(error),
      call(name_of_call) {}

bool succeeded(int error) {
  if (error == cudaSuccess) return true;
  cudaGetLastError();
  return false;
}

void check_cuda(int error, const char* name_of_call, const std::string& wanted) {
  if (!succeeded(error)) throw CudaFailure(error, name_of_call, wanted);
}

CurrentDevice::CurrentDevice(int device) {
  check_cuda(cudaGetDevice(&previous_), "cudaGetDevice");
  if (device == previous_) return;
  check_cuda(cudaSetDevice(device), "cudaSetDevice");
  changed_ = true;
}

CurrentDevice::~CurrentDevice() {
  if (changed_) succeeded(cudaSetDevice(previous_));
}

RelaxedCaptureMode::RelaxedCaptureMode() {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  check_cuda(cudaThreadExchangeStreamCaptureMode(&mode), "cudaThreadExchangeStreamCaptureMode");
  previous_ = mode;
}

RelaxedCaptureMode::~RelaxedCaptureMode() {
  auto mode = static_cast<cudaStreamCaptureMode>(previous_);
  succeeded(cudaThreadExchangeStreamCaptureMode(&mode));
}

void refuse_capture(void* stream) {
  cudaStreamCaptureStatus status;
  check_cuda(cudaStreamIsCapturing(static_cast<cudaStream_t>(stream), &status), "cudaStreamIsCapturing");
  if (status == cudaStreamCaptureStatusNone) return;
  throw std::runtime_error(
      "the stream is being captured into a CUDA graph, and a graph must not draw: initialize before the capture "
      "begins, or on a stream that is not captured");
}

int runtime_version() {
  int version;
  check_cuda(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  return version;
}

int driver_version() {
  int version;
  check_cuda(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
  return version;
}

int device_count() {
  int count;
  check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return count;
}

int current_device() {
  int device;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

DeviceProperties device_properties(int device) {
  cudaDeviceProp found;
  check_cuda(cudaGetDeviceProperties(&found, device), "cudaGetDeviceProperties");
  return {found.name, found.major, found.minor};
}

std::size_t free_memory() {
  std::size_t free, total;
  check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

int pointer_device(std::uint64_t address) {
  cudaPointerAttributes found;
  check_cuda(cudaPointerGetAttributes(&found, reinterpret_cast<const void*>(address)), "cudaPointerGetAttributes");
  return found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged ? found.device : -1;
}

}  // namespace fastinit
