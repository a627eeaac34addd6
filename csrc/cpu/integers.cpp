#include "cpu/integers.h"

#include "cpu/parallel.h"
#include "numerics/host/integers.h"

namespace fastinit {

void draw_integers(std::uint64_t seed, std::uint64_t stream, std::uint64_t range, std::uint64_t* indices,
                   std::uint64_t count) {
  const Stream from = {seed, stream};
  for_each_piece(count, 4096, 4, [&](std::uint64_t begin, std::uint64_t size) {
    std::uint64_t known = ~std::uint64_t(0), word[4];  // the block whose words are at hand
    for (std::uint64_t* at = indices + begin; at != indices + begin + size; ++at) {
      const std::uint64_t index = *at;
      if (index / 4 != known) words_of_block(from, known = index / 4, 0, word);
      *at = uniform_integer(from, index, word[index % 4], range);
    }
  });
}

}  // namespace fastinit
