#include "caches.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace jacnet {

namespace {

/// The last-level cache that one processor sees. The kernel tells it; glibc's sysconf adds up those
/// of a whole socket.
double last_level_cache() {
    constexpr double kibibyte = 1024.0, unknown = 1024.0 * kibibyte;
    double size = 0.0;
    for (const char* level : {"3", "2"}) {
        std::ifstream file(std::string("/sys/devices/system/cpu/cpu0/cache/index") + level +
                           "/size");
        char unit = 0;
        if (file >> size >> unit && unit == 'K') return size * kibibyte;
    }
    return unknown;
}

}  // namespace

bool past_caches(double bytes, int n_threads) {
    // However large it is, in a shared machine it is shared as well.
    constexpr double most = 32.0 * 1024.0 * 1024.0;
    static const double level = std::min(last_level_cache(), most);
    return bytes > (n_threads > 1 ? 2.0 : 1.0) * level;
}

}  // namespace jacnet
