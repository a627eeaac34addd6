// The number of threads that a fill may use.
#pragma once

namespace fastinit {

// The number that was set last; otherwise OMP_NUM_THREADS; otherwise the number of processors in this process's
// affinity mask, but no more than its cgroup's quota.
int thread_count();

// The number of threads for some work, of which each thread should have at least `per_thread`: at most `most_threads`,
// where 0 stands for thread_count().
int threads_for(double work, double per_thread, int most_threads);

// 0 restores the default.
void set_thread_count(int count);

// True in a child that was forked after this library was loaded. It does not have OpenMP's threads, for which a
// parallel region would wait forever.
bool is_forked_child();

}  // namespace fastinit
