#include "memory.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#include "errors.hpp"
#include "jacnet/runtime.hpp"

namespace jacnet {

namespace {

double machine_memory() {
#ifdef _SC_PHYS_PAGES
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    if (pages > 0 && page > 0) return static_cast<double>(pages) * static_cast<double>(page);
#endif
    return std::numeric_limits<double>::infinity();
}

/// The container's limit (cgroup version 2, then 1); a file that says "max" holds no number.
double container_memory() {
    double bytes = 0.0;
    if (!(std::ifstream("/sys/fs/cgroup/memory.max") >> bytes)) {
        std::ifstream("/sys/fs/cgroup/memory/memory.limit_in_bytes") >> bytes;
    }
    return bytes > 0.0 ? bytes : std::numeric_limits<double>::infinity();
}

std::string gibibytes(double bytes) {
    char words[32];
    std::snprintf(words, sizeof words, "%.3g GiB", bytes / (1024.0 * 1024.0 * 1024.0));
    return words;
}

}  // namespace

double memory_limit() {
    static const double limit = std::min(machine_memory(), container_memory());
    return limit;
}

double available_memory() {
    std::ifstream file("/proc/meminfo");
    for (std::string word; file >> word;) {
        double kibibytes = 0.0;
        if (word == "MemAvailable:" && file >> kibibytes) {
            return std::min(1024.0 * kibibytes, memory_limit());
        }
    }
    return memory_limit();
}

void need_memory(double bytes, const std::string& what, const char* remedy) {
    constexpr double little = 1073741824.0;  // not worth asking for
    if (bytes <= little) return;
    const double available = available_memory();
    if (bytes <= available) return;
    throw OutOfMemory(text(what, " needs ", gibibytes(bytes), ", but ", gibibytes(available),
                           " are available; ", remedy));
}

}  // namespace jacnet
