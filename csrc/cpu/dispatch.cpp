#include "cpu/dispatch.h"

#include <atomic>

#if defined(FASTINIT_X86)
#include "lanes/x86.h"
#endif

namespace fastinit {

extern const Kernels scalar_kernels;
#if defined(FASTINIT_X86)
extern const Kernels avx2_kernels, avx512_kernels;
#endif

namespace {

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables = {&scalar_kernels};
#if defined(FASTINIT_X86)
  const X86Features features;
  if (features.has_avx2()) tables.push_back(&avx2_kernels);
  if (features.has_avx512()) tables.push_back(&avx512_kernels);
#endif
  return tables;
}

const std::vector<const Kernels*>& supported() {
  static const std::vector<const Kernels*> tables = supported_kernels();
  return tables;
}

std::atomic<const Kernels*>& active() {
  static std::atomic<const Kernels*> table{supported().back()};
  return table;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const Kernels* table : supported()) names.emplace_back(table->name);
  return names;
}

const Kernels& active_kernels() { return *active().load(); }

bool select_instruction_set(const std::string& name) {
  for (const Kernels* table : supported()) {
    if (name == table->name) {
      active() = table;
      return true;
    }
  }
  return false;
}

}  // namespace fastinit
