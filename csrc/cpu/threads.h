// How many threads a fill may use.
#pragma once

namespace fastinit {

// What was last set; else OMP_NUM_THREADS; else the processors that this process may run on (affinity mask), and no
// more than its cgroup's quota of them.
int thread_count();

// 0 goes back to the default.
void set_thread_count(int count);

// True in a child that was forked after this library was loaded: OpenMP's threads did not come along, and a parallel
// region would wait for them for ever.
bool is_forked_child();

}  // namespace fastinit
