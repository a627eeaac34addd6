// One table of kernels for each instruction set; one of them is active.
#pragma once

#include <string>
#include <vector>

#include "cpu/mask/nonzero_list.h"
#include "cpu/orthogonal/reflectors.h"
#include "request/request.h"

namespace fastinit {

struct Kernels {
  const char* name;
  // Writes the elements [begin, end) of the request's part.
  void (*fill)(const Request& request, std::uint64_t begin, std::uint64_t end);
  // Writes the zeros of columns [begin, end) of a mask's part, or of elements where each is by itself.
  void (*mask)(const Request& request, std::uint64_t begin, std::uint64_t end);
  // Lists what the same columns keep: all that lies in one line of a matrix in the order of its elements.
  void (*keep)(const Request& request, std::uint64_t begin, std::uint64_t end, Kept& kept);
  // Writes a fill's elements with these flat indices of the whole array, one after the other.
  void (*gather)(const Request& request, const std::uint64_t* flat, std::uint64_t count, void* out);
  ReflectorKernels reflectors;
};

std::vector<std::string> instruction_sets();  // those that this machine has, the best one last
const Kernels& active_kernels();              // the best one, until select_instruction_set says otherwise
bool select_instruction_set(const std::string& name);

}  // namespace fastinit
