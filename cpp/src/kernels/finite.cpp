/// Whether data are finite, at the speed of memory.

#include <cstdint>

#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

bool all_finite(index_t n, const double* values) {
    // In integers, whose sums the compiler may reorder: an exponent of ones carries into the sign.
    constexpr std::uint64_t exponent = std::uint64_t{0x7ff} << 52;
    std::uint64_t overflow = 0;
    for (index_t i = 0; i < n; ++i) {
        std::uint64_t bits;
        __builtin_memcpy(&bits, values + i, sizeof bits);
        overflow |= (bits & exponent) + (std::uint64_t{1} << 52);
    }
    return overflow >> 63 == 0;
}

}  // namespace jacnet::kernels::JACNET_ISA
