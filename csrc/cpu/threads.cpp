#include "cpu/threads.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

namespace fastinit {
namespace {

std::atomic<int> requested{0};
std::atomic<bool> forked{false};

const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });

int environment_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");  // "4", or "4,2" for nested regions
  return text ? static_cast<int>(std::clamp(std::strtol(text, nullptr, 10), 0L, 4096L)) : 0;
}

int affinity_threads() {
#if defined(__linux__)
  for (int cpus = 1024; cpus <= 1 << 18; cpus *= 4) {  // the kernel rejects a mask that is too short
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (!set) break;
    const std::size_t size = CPU_ALLOC_SIZE(cpus);
    const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

// Returns quota / period, rounded up, or 0 without a quota.
int threads_of_quota(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return std::max(1, static_cast<int>(std::min((quota + period - 1) / period, 4096.0)));
}

double number_in(const std::string& path) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : 0;
}

// Version 2 has "max" or a number, and then the period, in cpu.max; version 1 has two files.
int quota_of_group(const std::string& group) {
  std::ifstream file("/sys/fs/cgroup" + group + "/cpu.max");
  double quota = 0, period = 0;
  if (file >> quota >> period) return threads_of_quota(quota, period);
  const std::string v1 = "/sys/fs/cgroup/cpu" + group + "/cpu.cfs_";
  return threads_of_quota(number_in(v1 + "quota_us"), number_in(v1 + "period_us"));
}

// The smallest quota of this process's cgroup and those above it. Inside a container they start at the root.
int cgroup_threads() {
  int smallest = quota_of_group("");
  std::ifstream file("/proc/self/cgroup");  // lines "0::/a/b", or "4:cpu,cpuacct:/a/b" in version 1
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers != ",," && controllers.find(",cpu,") == std::string::npos) continue;
    for (std::string group = line.substr(second + 1); group.size() > 1; group.resize(group.rfind('/'))) {
      const int quota = quota_of_group(group);
      if (quota && (!smallest || quota < smallest)) smallest = quota;
    }
  }
  return smallest;
}

}  // namespace

int thread_count() {
  if (const int count = requested) return count;
  static const int from_environment = environment_threads(), from_cgroup = cgroup_threads();
  if (from_environment) return from_environment;
  const int from_affinity = affinity_threads();
  return from_cgroup ? std::min(from_affinity, from_cgroup) : from_affinity;
}

void set_thread_count(int count) { requested = count; }

bool is_forked_child() { return forked; }

int threads_for(double work, double per_thread, int most_threads) {
  if (work < 2 * per_thread || is_forked_child()) return 1;
  return static_cast<int>(std::min<double>(most_threads ? most_threads : thread_count(), work / per_thread));
}

}  // namespace fastinit
