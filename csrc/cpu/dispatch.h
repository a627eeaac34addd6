// One table of kernels per instruction set; one of them is active.
#pragma once

#include <string>
#include <vector>

#include "cpu/functions.h"
#include "cpu/mask/growing_list.h"
#include "cpu/orthogonal/reflectors.h"
#include "numerics/unitary.h"
#include "request/request.h"

namespace fastinit {

struct Kernels {
  const char* name;
  // Writes the elements [begin, end) of the request's part.
  void (*fill)(const Request& request, std::uint64_t begin, std::uint64_t end);
  // Writes the zeros of a mask to the columns [begin, end) of its part, or to elements where each is independent.
  void (*mask)(const Request& request, std::uint64_t begin, std::uint64_t end);
  // Lists the elements that the mask leaves there, in order within every row and column of a matrix.
  void (*list_nonzeros)(const Request& request, std::uint64_t begin, std::uint64_t end, GrowingList& list);
  // Lists the keys of elements of a mask whose words lie in a range, and counts those below.
  void (*list_keys)(const Request& request, std::uint64_t begin, std::uint64_t end, KeyList& list);
  // Writes the elements of a fill that have these flat indices in the whole array, one after the other.
  void (*gather)(const Request& request, const std::uint64_t* flat, std::uint64_t count, void* out);
  // Replaces values by those of a function.
  void (*apply)(Function function, double number, double* values, std::uint64_t count);
  // Writes some columns of a unitary matrix, `unitary_columns` or the rest of them, from `column` on.
  void (*unitary)(const ComplexReflectors& reflectors, std::uint64_t column, double* strip, double* out);
  std::uint64_t unitary_columns;
  ReflectorKernels reflectors;
};

std::vector<std::string> instruction_sets();  // those that this machine has, the best one last
const Kernels& active_kernels();              // the best one, unless another one is selected
bool select_instruction_set(const std::string& name);

}  // namespace fastinit
