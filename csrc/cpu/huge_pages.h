// Memory in huge pages.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace fastinit {

constexpr std::size_t huge_page = std::size_t(2) << 20;

// Asks for huge pages inside a large range of memory. Touching fresh memory in 4 kB pages takes several times as long
// as filling it. The system may ignore this advice, and then nothing changes.
inline void advise_huge_pages(std::uint64_t address, std::uint64_t size) {
#if defined(MADV_HUGEPAGE)
  const std::uint64_t begin = (address + huge_page - 1) / huge_page * huge_page;
  const std::uint64_t end = (address + size) / huge_page * huge_page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)address;
  (void)size;
#endif
}

}  // namespace fastinit
