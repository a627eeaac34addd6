#include "bindings/xla/calls.h"

#include <algorithm>
#include <cstring>

#include "request/validity.h"

namespace ffi = xla::ffi;

namespace fastinit {

ffi::Error invalid(const std::string& what) {
  return ffi::Error(ffi::ErrorCode::kInvalidArgument, "fastinit: " + what);
}

ffi::Error failed(const std::string& what) { return ffi::Error(ffi::ErrorCode::kInternal, "fastinit: " + what); }

Batch::Batch(const Words& words, Result& drawn)
    : words_of_array(words.dimensions().size() == 0 ? 0 : static_cast<std::size_t>(words.dimensions().back())),
      arrays(has_keys() ? words.element_count() / words_of_array : 0),
      address(reinterpret_cast<std::uint64_t>(drawn->untyped_data())),
      bytes_of_array(arrays ? drawn->size_bytes() / arrays : 0) {}

Requests::Requests(Packed packed, std::uint64_t bytes_of_array)
    : requests_(packed.size() * sizeof(std::int64_t) / sizeof(Request)) {
  static_assert(sizeof(Request) % sizeof(std::int64_t) == 0, "requests travel as 64-bit integers");
  const std::size_t size = packed.size() * sizeof(std::int64_t);
  if (size % sizeof(Request) != 0) {
    problem_ = "the program was made by another version";
    return;
  }
  if (size > 0) std::memcpy(requests_.data(), packed.begin(), size);
  for (const Request& r : requests_) {
    Request placed = r;
    placed.address += 1;  // any address that is not 0
    if (!is_valid(placed)) {
      problem_ = "a request of the program is malformed";
    } else if (r.address > bytes_of_array || r.count > (bytes_of_array - r.address) / r.item_size) {
      problem_ = "a request of the program does not fit its result";
    }
  }
}

bool Requests::are_fills() const {
  return std::all_of(requests_.begin(), requests_.end(),
                     [](const Request& r) { return class_of(r.distribution) == RequestClass::fill; });
}

std::vector<Request> Requests::at(std::uint64_t address) const {
  std::vector<Request> list = requests_;
  for (Request& r : list) r.address += address;
  return list;
}

std::string problem_of(const Batch& batch, const Requests& requests, const Starts& starts, Packed strides) {
  if (!batch.has_keys()) return "a key has 2 or 4 words";
  if (starts.element_count() != strides.size()) return "starts and strides differ in length";
  return batch.is_empty() ? "" : requests.problem();
}

}  // namespace fastinit
