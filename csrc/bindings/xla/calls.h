// What all handlers share: the operands of a call, and the requests that a program holds.
//
// words: of each array of a batch 2, its seed, or 4, its seed and its stream, from the most significant word on.
// starts: the index of the part's first element in the whole array, on every axis.
// requests: those of a part that starts at index 0, without address, seed and stream.
// strides: of the whole array, in elements.
#pragma once

#include <xla/ffi/api/ffi.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "request/request.h"

namespace fastinit {

using Words = xla::ffi::Buffer<xla::ffi::U32>;
using Starts = xla::ffi::Buffer<xla::ffi::S32>;
using Result = xla::ffi::Result<xla::ffi::AnyBuffer>;
using Packed = xla::ffi::Span<const std::int64_t>;

xla::ffi::Error invalid(const std::string& what);
xla::ffi::Error failed(const std::string& what);

// Returns act(), or an error where it throws: XLA ends the process where a handler does.
template <class Act>
xla::ffi::Error without_exceptions(const Act& act) {
  try {
    return act();
  } catch (const std::exception& error) {
    return failed(error.what());
  }
}

// The arrays of a call, one after another in memory, of which each has a key.
struct Batch {
  std::size_t words_of_array, arrays;
  std::uint64_t address, bytes_of_array;

  Batch(const Words& words, Result& drawn);
  bool has_keys() const { return words_of_array == 2 || words_of_array == 4; }
  bool is_empty() const { return arrays == 0 || bytes_of_array == 0; }
};

// The requests of one array of a batch. They come from the program, which may be an old one that was read from a file.
class Requests {
 public:
  Requests(Packed packed, std::uint64_t bytes_of_array);

  // What is wrong with them, or nothing.
  const std::string& problem() const { return problem_; }
  bool are_fills() const;
  std::vector<Request> at(std::uint64_t address) const;

 private:
  std::vector<Request> requests_;
  std::string problem_;
};

// What is wrong with a call of native code, or nothing.
std::string problem_of(const Batch& batch, const Requests& requests, const Starts& starts, Packed strides);

}  // namespace fastinit
