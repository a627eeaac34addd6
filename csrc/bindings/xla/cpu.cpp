#include <vector>

#include "bindings/xla/handlers.h"
#include "cpu/huge_pages.h"
#include "request/key.h"

namespace ffi = xla::ffi;

namespace fastinit {
namespace {

FillFunction* fill_on_cpu = nullptr;

// The requests of all arrays of a batch.
std::vector<Request> requests_of(const Batch& batch, const Requests& requests, const Words& words, const Starts& starts,
                                 Packed strides) {
  std::vector<Request> list;
  const std::uint32_t* key = words.typed_data();
  for (std::size_t k = 0; k < batch.arrays; ++k, key += batch.words_of_array) {
    for (Request r : requests.at(batch.address + k * batch.bytes_of_array)) {
      set_key(r, key, batch.words_of_array);
      move_to(r, starts.typed_data(), strides.begin(), strides.size());
      list.push_back(r);
    }
  }
  return list;
}

ffi::Error draw(Words words, Starts starts, Result drawn, Packed packed, Packed strides) {
  return without_exceptions([&] {
    const Batch batch(words, drawn);
    const Requests requests(packed, batch.bytes_of_array);
    if (const auto problem = problem_of(batch, requests, starts, strides); !problem.empty()) return invalid(problem);
    if (batch.is_empty()) return ffi::Error::Success();
    const std::vector<Request> list = requests_of(batch, requests, words, starts, strides);
    advise_huge_pages(batch.address, drawn->size_bytes());  // the arrays of a batch share some at their ends
    fill_on_cpu(list.data(), list.size(), nullptr, 0);
    return ffi::Error::Success();
  });
}

XLA_FFI_DEFINE_HANDLER(
    handler, draw,
    ffi::Ffi::Bind().Arg<Words>().Arg<Starts>().Ret<ffi::AnyBuffer>().Attr<Packed>("requests").Attr<Packed>("strides"));

}  // namespace

XLA_FFI_Handler* handler_on_cpu(FillFunction* fill) {
  fill_on_cpu = fill;
  return handler;
}

}  // namespace fastinit
