// A stand-in for the CUDA runtime library, for tests: it is linked into the extension module in the library's place,
// and forwards memory and launches to Python (standin.py), which keeps the memory and runs the kernels' PTX. One
// device; everything is done when a call returns, but events can say otherwise (stand_in_busy).
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  unsigned x, y, z;
} dim3;
typedef int error;
enum { success = 0, invalid_value = 1, memory_allocation = 2, no_device = 100, invalid_device = 101, not_found = 500,
       not_ready = 600, launch_failure = 719, capture_unsupported = 900 };
enum { most_dynamic_shared_memory = 8 };  // an attribute of functions
enum { relaxed = 2 };                      // a mode of captures
enum { free_memory = -1 };  // what the library asks Python for, beside the attributes of devices

static struct {
  error (*allocate)(size_t, uint64_t*);
  error (*release)(uint64_t);
  error (*copy)(uint64_t, uint64_t, size_t);
  error (*set)(uint64_t, int, size_t);
  error (*launch)(const char*, const unsigned*, void**, size_t, uint64_t);
  void (*image)(const void*);
  int (*attribute)(int);
  int (*is_device_memory)(uint64_t);
} hooks;

#define EXPORTED __attribute__((visibility("default")))

static const void* images[64];
static int image_count;
static struct {
  const void* host;
  const char* name;
  size_t shared;  // dynamic memory that a launch may ask for
} functions[4096];
static int function_count;
static error last, sticky;
static char failing[64];
static int failing_error, failing_after, device_count = 1, driver = 13000, capturing, capturing_elsewhere, capture_mode, busy, busy_spells;

EXPORTED void stand_in_hooks(const void* table) {
  memcpy(&hooks, table, sizeof hooks);
  for (int i = 0; i < image_count; ++i) hooks.image(images[i]);
}

// The call after the next `calls` ones of this name fails so; code 0: none.
EXPORTED void stand_in_fail(const char* name, int code, int calls) {
  strncpy(failing, name, sizeof failing - 1);
  failing_error = code;
  failing_after = calls;
}

EXPORTED void stand_in_machine(int devices, int driver_version) {
  device_count = devices;
  driver = driver_version;
}

EXPORTED void stand_in_capturing(int on) { capturing = on; }

// While on, calls that may end the capture of some other stream fail, unless the mode is relaxed.
EXPORTED void stand_in_capturing_elsewhere(int on) { capturing_elsewhere = on; }
EXPORTED int stand_in_capture_mode(void) { return capture_mode; }

// While on, streams do not come to the events recorded on them; those recorded before have passed.
EXPORTED void stand_in_busy(int on) { busy = on ? ++busy_spells : 0; }

EXPORTED void stand_in_reset(void) { last = sticky = failing_error = capturing = capturing_elsewhere = busy = 0; }

static error result(error e) {
  if (e) last = e;
  return e;
}

static error planned(const char* name) {
  if (!failing_error || strcmp(name, failing) || failing_after-- > 0) return driver ? success : 35;
  error e = failing_error;
  failing_error = 0;
  return e;
}

#define RETURN_IF_PLANNED            \
  do {                               \
    error planned_ = planned(__func__); \
    if (planned_) return result(planned_); \
  } while (0)

#define RETURN_IF_UNSAFE \
  if (capturing_elsewhere && capture_mode != relaxed) return result(capture_unsupported)

// ---- registration, by code that nvcc generates

void** __cudaRegisterFatBinary(void* wrapper) {
  void* image = *(void**)((char*)wrapper + 8);
  if (image_count < 64) images[image_count++] = image;
  if (hooks.image) hooks.image(image);
  return (void**)wrapper;
}
void __cudaRegisterFatBinaryEnd(void** handle) { (void)handle; }
void __cudaUnregisterFatBinary(void** handle) { (void)handle; }
void __cudaRegisterFunction(void** handle, const char* host, char* device, const char* name, int limit, void* a, void* b,
                            void* c, void* d, int* e) {
  (void)handle, (void)device, (void)limit, (void)a, (void)b, (void)c, (void)d, (void)e;
  if (function_count == 4096) abort();
  functions[function_count].host = host;
  functions[function_count].shared = 49152;
  functions[function_count++].name = name;
}
void __cudaRegisterVar(void** handle, char* host, char* device, const char* name, int external, size_t size, int constant,
                       int global) {
  (void)handle, (void)host, (void)device, (void)name, (void)external, (void)size, (void)constant, (void)global;
}
char __cudaInitModule(void** handle) {
  (void)handle;
  return 1;
}

// ---- launches

static int number_of(const void* function) {
  for (int i = 0; i < function_count; ++i)
    if (functions[i].host == function) return i;
  return -1;
}
static const char* name_of(const void* function) {
  int number = number_of(function);
  return number < 0 ? NULL : functions[number].name;
}
error cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, size_t shared, void* stream) {
  RETURN_IF_PLANNED;
  const char* name = name_of(function);
  if (!name) return result(98);
  if (sticky) return result(sticky);
  if (shared > functions[number_of(function)].shared) return result(invalid_value);
  unsigned sizes[6] = {grid.x, grid.y, grid.z, block.x, block.y, block.z};
  error e = hooks.launch(name, sizes, arguments, shared, (uint64_t)stream);
  if (e == launch_failure) sticky = e;
  return result(e);
}
error __cudaLaunchKernel(void* function, dim3 grid, dim3 block, void** arguments, size_t shared, void* stream) {
  return cudaLaunchKernel(function, grid, block, arguments, shared, stream);
}
error __cudaGetKernel(void** kernel, const void* function) {
  *kernel = (void*)function;
  return name_of(function) ? success : not_found;
}
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void* stream) {
  (void)grid, (void)block, (void)shared, (void)stream;
  abort();  // the extension launches by cudaLaunchKernel alone
}
error __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared, void* stream) {
  (void)grid, (void)block, (void)shared, (void)stream;
  abort();
}
error cudaFuncSetAttribute(const void* function, int attribute, int value) {
  RETURN_IF_PLANNED;
  int number = number_of(function);
  if (number < 0) return result(98);
  if (attribute != most_dynamic_shared_memory || value > hooks.attribute(97)) return result(invalid_value);
  functions[number].shared = value;
  return success;
}
error cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* count, const void* function, int threads, size_t shared,
                                                             unsigned flags) {
  (void)threads, (void)shared, (void)flags;
  RETURN_IF_PLANNED;
  if (!name_of(function)) return result(98);
  *count = 1;
  return success;
}
error cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* count, const void* function, int threads, size_t shared) {
  RETURN_IF_PLANNED;
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(count, function, threads, shared, 0);
}

// ---- memory

error cudaMalloc(void** address, size_t size) {
  RETURN_IF_PLANNED;
  RETURN_IF_UNSAFE;
  uint64_t found = 0;
  error e = hooks.allocate(size, &found);
  *address = (void*)found;
  return result(e);
}
error cudaMallocAsync(void** address, size_t size, void* stream) {
  (void)stream;
  RETURN_IF_PLANNED;
  return cudaMalloc(address, size);
}
error cudaFree(void* address) { return address ? result(hooks.release((uint64_t)address)) : success; }
error cudaFreeAsync(void* address, void* stream) {
  (void)stream;
  RETURN_IF_PLANNED;
  return cudaFree(address);
}
error cudaHostAlloc(void** address, size_t size, unsigned flags) {
  (void)flags;
  RETURN_IF_PLANNED;
  RETURN_IF_UNSAFE;
  *address = malloc(size);
  return *address ? success : result(memory_allocation);
}
error cudaFreeHost(void* address) {
  free(address);
  return success;
}
error cudaMemcpyAsync(void* to, const void* from, size_t size, int kind, void* stream) {
  (void)kind, (void)stream;
  RETURN_IF_PLANNED;
  return result(hooks.copy((uint64_t)to, (uint64_t)from, size));
}
error cudaMemsetAsync(void* address, int value, size_t size, void* stream) {
  (void)stream;
  RETURN_IF_PLANNED;
  return result(hooks.set((uint64_t)address, value, size));
}
error cudaMemGetInfo(size_t* available, size_t* total) {
  RETURN_IF_PLANNED;
  *total = (size_t)1 << 30;
  *available = (size_t)hooks.attribute(free_memory);
  return success;
}
typedef struct {
  int type, device;
  void *device_pointer, *host_pointer;
} pointer_attributes;
error cudaPointerGetAttributes(pointer_attributes* found, const void* address) {
  RETURN_IF_PLANNED;
  memset(found, 0, sizeof *found);
  if (hooks.is_device_memory((uint64_t)address)) found->type = 2;
  return success;
}

// ---- streams, events, devices

error cudaStreamIsCapturing(void* stream, int* status) {
  (void)stream;
  RETURN_IF_PLANNED;
  *status = capturing;
  return success;
}
error cudaThreadExchangeStreamCaptureMode(int* mode) {
  RETURN_IF_PLANNED;
  const int before = capture_mode;
  capture_mode = *mode;
  *mode = before;
  return success;
}
error cudaStreamSynchronize(void* stream) {
  (void)stream;
  RETURN_IF_PLANNED;
  return result(sticky);
}
error cudaEventCreateWithFlags(void** event, unsigned flags) {
  (void)flags;
  RETURN_IF_PLANNED;
  *event = calloc(1, sizeof(int));
  return *event ? success : result(memory_allocation);
}
error cudaEventRecord(void* event, void* stream) {
  (void)stream;
  RETURN_IF_PLANNED;
  *(int*)event = busy;
  return success;
}
error cudaEventQuery(void* event) {
  RETURN_IF_PLANNED;
  RETURN_IF_UNSAFE;
  if (sticky) return result(sticky);
  return busy && *(int*)event == busy ? result(not_ready) : success;
}
error cudaEventDestroy(void* event) {
  free(event);
  return success;
}
error cudaGetDeviceCount(int* count) {
  RETURN_IF_PLANNED;
  *count = device_count;
  return device_count ? success : result(no_device);
}
static int device;
error cudaGetDevice(int* number) {
  RETURN_IF_PLANNED;
  *number = device;
  return success;
}
error cudaSetDevice(int number) {
  RETURN_IF_PLANNED;
  if (number < 0 || number >= device_count) return result(invalid_device);
  device = number;
  return success;
}
error cudaDeviceGetAttribute(int* value, int attribute, int number) {
  (void)number;
  RETURN_IF_PLANNED;
  *value = hooks.attribute(attribute);
  return success;
}
// The fields that the extension reads, at their places in CUDA 13's cudaDeviceProp.
error cudaGetDeviceProperties(char* found, int number) {
  RETURN_IF_PLANNED;
  if (number < 0 || number >= device_count) return result(invalid_device);
  strcpy(found, "emulated");
  const int major = hooks.attribute(75), minor = hooks.attribute(76);
  memcpy(found + 360, &major, 4);
  memcpy(found + 364, &minor, 4);
  return success;
}
error cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return success;
}
error cudaDriverGetVersion(int* version) {
  *version = driver;
  return success;
}
error cudaPeekAtLastError(void) { return last; }
error cudaGetLastError(void) {
  error e = last;
  last = success;
  return e;
}
const char* cudaGetErrorName(error e) {
  return e == memory_allocation ? "cudaErrorMemoryAllocation" : e == no_device ? "cudaErrorNoDevice" : "cudaErrorOther";
}
const char* cudaGetErrorString(error e) { return e == memory_allocation ? "out of memory" : "a planned failure"; }
