// How the fills, scatters and masks of a list of requests become launches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/table.h"

namespace fastinit {

// The requests that one launch serves.
class Launch {
 public:
  Launch(const void* kernel, std::uint32_t threads, std::uint32_t largest_tile)
      : kernel_(kernel), threads_(threads), largest_tile_(largest_tile), tile_units_(threads) {}

  void add(const Request& request, const FillEntry& entry);
  // Chooses the tiles and the grid for a device, on which no value depends, and ends the table. Throws
  // std::runtime_error if there are too many tiles.
  void prepare(int device);

  bool empty() const { return requests_.empty(); }
  const void* kernel() const { return kernel_; }
  std::uint32_t threads() const { return threads_; }
  std::uint32_t blocks() const { return blocks_; }
  std::size_t size() const { return entries_.size() * sizeof(FillEntry) + requests_.size() * sizeof(Request); }
  const std::vector<FillEntry>& entries() const { return entries_; }
  // The table as it will be at `device`: the entries, then the requests.
  FillTable table_at(char* device) const;
  // Writes that table to `host`.
  FillTable write(char* host, char* device) const;

 private:
  const void* kernel_;
  std::uint32_t threads_, largest_tile_, tile_units_, blocks_ = 0;
  std::vector<FillEntry> entries_;
  std::vector<const Request*> requests_;
  std::uint64_t units_ = 0;
};

// The launch that fills some arrays by one request each, whose place in the whole array only the GPU knows.
Launch launch_of_fills_anywhere(const Request& request, std::size_t arrays, int device);

// The launches of a list of requests, and its requests for matrices.
struct Launches {
  std::vector<Launch> fills;    // one per kernel, with all constants in the first
  std::vector<Launch> masking;  // scatters over the fills, then masks
  std::vector<const Request*> matrices;

  Launches(const Request* requests, std::size_t count);
};

}  // namespace fastinit
