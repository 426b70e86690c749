#pragma once
/// Stores past the caches, for results that would only flush them.

#include <cstdint>

#include "packet.hpp"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace jacnet::kernels::JACNET_ISA {

#if defined(__AVX512F__)
constexpr index_t stream_size = 8;
JACNET_INLINE void stream_packet(double* to, const double* from) {
    _mm512_stream_pd(to, _mm512_loadu_pd(from));
}
#elif defined(__AVX__)
constexpr index_t stream_size = 4;
JACNET_INLINE void stream_packet(double* to, const double* from) {
    _mm256_stream_pd(to, _mm256_loadu_pd(from));
}
#elif defined(__SSE2__)
constexpr index_t stream_size = 2;
JACNET_INLINE void stream_packet(double* to, const double* from) {
    _mm_stream_pd(to, _mm_loadu_pd(from));
}
#else
constexpr index_t stream_size = 1;
JACNET_INLINE void stream_packet(double* to, const double* from) { *to = *from; }
#endif

/// Copies past the caches, which a large result would only flush.
JACNET_INLINE void stream_copy(const double* from, double* to, index_t n) {
    index_t i = 0;
    for (; i < n && reinterpret_cast<std::uintptr_t>(to + i) % (stream_size * sizeof(double)) != 0;
         ++i) {
        to[i] = from[i];
    }
    for (; i + stream_size <= n; i += stream_size) stream_packet(to + i, from + i);
    for (; i < n; ++i) to[i] = from[i];
}

JACNET_INLINE void stream_fence() {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

}  // namespace jacnet::kernels::JACNET_ISA
