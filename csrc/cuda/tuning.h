// Numbers on which the speed of the kernels depends, and no value. Each can be set when compiling, by
// -DFASTINIT_CUDA_TUNING="FILL_THREADS=128;FILL_BLOCKS=8" for CMake; benchmarks/on_gpu.sh compares such variants.
//
// The blocks of 128 threads of small matrices and of 256 threads of reflectors are not among them: each thread has its
// place in a square of 16 x 16 numbers or parts.
#pragma once

#include <cstdint>

// Threads in a block of a fill, and blocks that should fit on a multiprocessor: 4 blocks of 256 threads have 64
// registers per thread.
#ifndef FASTINIT_FILL_THREADS
#define FASTINIT_FILL_THREADS 256
#endif
#ifndef FASTINIT_FILL_BLOCKS
#define FASTINIT_FILL_BLOCKS 4
#endif
// Philox blocks, of four values, that a thread draws per iteration. Formulas with many coefficients (truncations other
// than those of the center) have fewer.
#ifndef FASTINIT_FILL_IN_FLIGHT
#define FASTINIT_FILL_IN_FLIGHT 4
#endif
#ifndef FASTINIT_FILL_IN_FLIGHT_TRUNCATED
#define FASTINIT_FILL_IN_FLIGHT_TRUNCATED 2
#endif
// Bytes that a thread stores next to each other: 8, 16, or 32, which are two stores of 16. (float64 values: 16.)
#ifndef FASTINIT_FILL_STORE_BYTES
#define FASTINIT_FILL_STORE_BYTES 16
#endif
// The most Philox blocks of a thread in one tile.
#ifndef FASTINIT_FILL_TILE
#define FASTINIT_FILL_TILE 16
#endif
// As many tiles for each block of threads where there is enough work, so that blocks finish together.
#ifndef FASTINIT_FILL_TILES_PER_BLOCK
#define FASTINIT_FILL_TILES_PER_BLOCK 4
#endif
// Blocks of threads in a launch, divided by those that run at once.
#ifndef FASTINIT_GRID_WAVES
#define FASTINIT_GRID_WAVES 1
#endif
#ifndef FASTINIT_MASK_THREADS
#define FASTINIT_MASK_THREADS 64
#endif
// Columns of an orthogonal matrix that a block of 8 times as many threads draws together: 4, 8 or 16.
#ifndef FASTINIT_PANEL_COLUMNS
#define FASTINIT_PANEL_COLUMNS 16
#endif
// Rows of reflectors in shared memory at a time, for float32: 16, 32 or 64.
#ifndef FASTINIT_PANEL_ROWS
#define FASTINIT_PANEL_ROWS 64
#endif
// Blocks of threads of panels, and of small matrices, that should fit on a multiprocessor, for float32.
#ifndef FASTINIT_PANEL_BLOCKS
#define FASTINIT_PANEL_BLOCKS 4
#endif
#ifndef FASTINIT_SMALL_BLOCKS
#define FASTINIT_SMALL_BLOCKS 6
#endif

namespace fastinit {

constexpr unsigned fill_threads = FASTINIT_FILL_THREADS, fill_blocks = FASTINIT_FILL_BLOCKS;
constexpr int fill_in_flight = FASTINIT_FILL_IN_FLIGHT;
constexpr int fill_in_flight_truncated = FASTINIT_FILL_IN_FLIGHT_TRUNCATED;
constexpr int fill_store_words = FASTINIT_FILL_STORE_BYTES / 4;
constexpr std::uint32_t largest_fill_tile = FASTINIT_FILL_TILE * fill_threads;  // in units
constexpr std::uint64_t tiles_per_block = FASTINIT_FILL_TILES_PER_BLOCK;
constexpr std::uint64_t grid_waves = FASTINIT_GRID_WAVES;
constexpr unsigned mask_threads = FASTINIT_MASK_THREADS;

constexpr std::uint64_t panel_columns = FASTINIT_PANEL_COLUMNS;
constexpr unsigned panel_threads = 8 * FASTINIT_PANEL_COLUMNS;
constexpr unsigned small_threads = 128, reflector_threads = 256;
// Rows that are processed at a time, and rows of zeros after a matrix in working memory.
template <class T>
constexpr int rows_at_once = sizeof(T) == sizeof(float) ? FASTINIT_PANEL_ROWS : 16;
template <class T>
constexpr int panel_blocks = sizeof(T) == sizeof(float) ? FASTINIT_PANEL_BLOCKS : 3;
template <class T>
constexpr int small_blocks = sizeof(T) == sizeof(float) ? FASTINIT_SMALL_BLOCKS : 4;

static_assert(fill_store_words == 2 || fill_store_words == 4 || fill_store_words == 8, "a store has 8, 16 or 32 bytes");
static_assert(16 % panel_columns == 0 && panel_columns >= 4, "panels have 4, 8 or 16 columns");

}  // namespace fastinit
