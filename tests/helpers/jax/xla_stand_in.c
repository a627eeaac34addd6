// A stand-in for XLA: calls a handler as the runtime of XLA does, on the stream and the device that a test names.
#include <stdlib.h>
#include <string.h>
#include <xla/ffi/api/c_api.h>

struct XLA_FFI_Error {
  char message[4096];
};
struct XLA_FFI_ExecutionContext {
  void* stream;
  int32_t device;
};

static XLA_FFI_Error* create(XLA_FFI_Error_Create_Args* args) {
  XLA_FFI_Error* error = calloc(1, sizeof *error);
  strncpy(error->message, args->message, sizeof error->message - 1);
  return error;
}
static void get_message(XLA_FFI_Error_GetMessage_Args* args) { args->message = args->error->message; }
static void destroy(XLA_FFI_Error_Destroy_Args* args) { free(args->error); }
static XLA_FFI_Error* get_stream(XLA_FFI_Stream_Get_Args* args) {
  args->stream = args->ctx->stream;
  return NULL;
}
static XLA_FFI_Error* get_device(XLA_FFI_DeviceOrdinal_Get_Args* args) {
  args->device_ordinal = args->ctx->device;
  return NULL;
}

static XLA_FFI_Api api = {
    .struct_size = XLA_FFI_Api_STRUCT_SIZE,
    .api_version = {.struct_size = XLA_FFI_Api_Version_STRUCT_SIZE,
                    .major_version = XLA_FFI_API_MAJOR,
                    .minor_version = XLA_FFI_API_MINOR},
    .XLA_FFI_Error_Create = create,
    .XLA_FFI_Error_GetMessage = get_message,
    .XLA_FFI_Error_Destroy = destroy,
    .XLA_FFI_Stream_Get = get_stream,
    .XLA_FFI_DeviceOrdinal_Get = get_device,
};

typedef struct {
  int32_t dtype;  // of XLA_FFI_DataType
  void* data;
  int64_t rank;
  int64_t* sizes;
} buffer;
typedef struct {
  const char* name;
  const char* text;  // or null, for numbers
  const int64_t* numbers;
  size_t count;
} attribute;

enum { most = 4 };

static void set_buffers(const buffer* given, int count, XLA_FFI_Buffer* buffers, void** pointers) {
  for (int k = 0; k < count; ++k) {
    buffers[k] = (XLA_FFI_Buffer){
        XLA_FFI_Buffer_STRUCT_SIZE, NULL, given[k].dtype, given[k].data, given[k].rank, given[k].sizes};
    pointers[k] = &buffers[k];
  }
}

// Writes the message of an error to `message`, or "". The attributes are in the order of their names.
void call_handler(XLA_FFI_Handler* handler, void* stream, int32_t device, const buffer* operands, int operand_count,
                  const buffer* results, int result_count, const attribute* attributes, int attribute_count,
                  char* message, size_t size) {
  XLA_FFI_ExecutionContext context = {stream, device};
  XLA_FFI_Buffer arguments[most], returned[most];
  void *argument_pointers[most], *returned_pointers[most], *attribute_pointers[most];
  XLA_FFI_ArgType argument_types[most] = {XLA_FFI_ArgType_BUFFER, XLA_FFI_ArgType_BUFFER, XLA_FFI_ArgType_BUFFER};
  XLA_FFI_RetType returned_types[most] = {XLA_FFI_RetType_BUFFER, XLA_FFI_RetType_BUFFER, XLA_FFI_RetType_BUFFER};
  XLA_FFI_AttrType attribute_types[most];
  XLA_FFI_ByteSpan names[most], texts[most], *name_pointers[most];
  XLA_FFI_Array arrays[most];
  set_buffers(operands, operand_count, arguments, argument_pointers);
  set_buffers(results, result_count, returned, returned_pointers);
  for (int k = 0; k < attribute_count; ++k) {
    const attribute* each = &attributes[k];
    names[k] = (XLA_FFI_ByteSpan){each->name, strlen(each->name)};
    name_pointers[k] = &names[k];
    texts[k] = (XLA_FFI_ByteSpan){each->text, each->count};
    arrays[k] = (XLA_FFI_Array){XLA_FFI_DataType_S64, each->count, (void*)each->numbers};
    attribute_types[k] = each->text ? XLA_FFI_AttrType_STRING : XLA_FFI_AttrType_ARRAY;
    attribute_pointers[k] = each->text ? (void*)&texts[k] : (void*)&arrays[k];
  }
  XLA_FFI_CallFrame frame = {
      .struct_size = XLA_FFI_CallFrame_STRUCT_SIZE,
      .api = &api,
      .ctx = &context,
      .stage = XLA_FFI_ExecutionStage_EXECUTE,
      .args = {XLA_FFI_Args_STRUCT_SIZE, NULL, operand_count, argument_types, argument_pointers},
      .rets = {XLA_FFI_Rets_STRUCT_SIZE, NULL, result_count, returned_types, returned_pointers},
      .attrs = {XLA_FFI_Attrs_STRUCT_SIZE, NULL, attribute_count, attribute_types, name_pointers, attribute_pointers},
  };
  XLA_FFI_Error* error = handler(&frame);
  strncpy(message, error ? error->message : "", size - 1);
  free(error);
}

// Returns whether calls of the handler may be captured into a graph.
int is_capturable(XLA_FFI_Handler* handler) {
  XLA_FFI_Metadata metadata = {.struct_size = XLA_FFI_Metadata_STRUCT_SIZE,
                               .api_version = {.struct_size = XLA_FFI_Api_Version_STRUCT_SIZE}};
  XLA_FFI_Metadata_Extension extension = {{XLA_FFI_Metadata_Extension_STRUCT_SIZE, XLA_FFI_Extension_Metadata, NULL},
                                          &metadata};
  XLA_FFI_CallFrame frame = {
      .struct_size = XLA_FFI_CallFrame_STRUCT_SIZE, .extension_start = &extension.extension_base, .api = &api};
  free(handler(&frame));
  return (metadata.traits & XLA_FFI_HANDLER_TRAITS_COMMAND_BUFFER_COMPATIBLE) != 0;
}
