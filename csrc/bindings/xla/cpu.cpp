#include <sys/mman.h>

#include "bindings/xla/handlers.h"

namespace ffi = xla::ffi;

namespace fastinit {
namespace {

FillFunction* fill_on_cpu = nullptr;

std::uint64_t joined(const std::uint32_t* words) { return std::uint64_t{words[0]} << 32 | words[1]; }

ffi::Error draw(Words words, Starts starts, Result drawn, Packed packed, Packed strides) {
  const Batch batch(words, drawn);
  const Requests requests(packed, batch.bytes_of_array);
  if (const auto problem = problem_of(batch, requests, starts, strides); !problem.empty()) return invalid(problem);
  if (batch.is_empty()) return ffi::Error::Success();
  std::uint64_t offset = 0;  // the flat index of the part in the whole array
  for (std::size_t axis = 0; axis < strides.size(); ++axis)
    offset += static_cast<std::uint64_t>(starts.typed_data()[axis]) * static_cast<std::uint64_t>(strides[axis]);
  std::vector<Request> list;
  const std::uint32_t* word = words.typed_data();
  for (std::size_t k = 0; k < batch.arrays; ++k, word += batch.words_of_array) {
    for (Request r : requests.at(batch.address + k * batch.bytes_of_array)) {
      r.seed = joined(word);
      r.stream = batch.words_of_array == 4 ? joined(word + 2) : 0;
      r.offset += offset;
      list.push_back(r);
    }
  }
  ask_for_huge_pages(batch.address, drawn->size_bytes());
  fill_on_cpu(list.data(), list.size(), nullptr, 0);
  return ffi::Error::Success();
}

XLA_FFI_DEFINE_HANDLER(
    handler, draw,
    ffi::Ffi::Bind().Arg<Words>().Arg<Starts>().Ret<ffi::AnyBuffer>().Attr<Packed>("requests").Attr<Packed>("strides"));

}  // namespace

XLA_FFI_Handler* handler_on_cpu(FillFunction* fill) {
  fill_on_cpu = fill;
  return handler;
}

void ask_for_huge_pages(std::uint64_t address, std::uint64_t size) {
  constexpr std::uint64_t page = 4096, large = 4 << 20;  // from which NumPy asks for them, too
  if (size < large) return;
  const std::uint64_t first = (address + page - 1) / page * page, last = (address + size) / page * page;
  madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);  // advice, which the system may not take
}

}  // namespace fastinit
