/// Stores past the caches, for the bandwidth W; one thread's share of the memory.

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

extern "C" void store(double* to, long bytes) {
    while (bytes >= 8 && reinterpret_cast<std::uintptr_t>(to) % 64 != 0) {
        *to++ = 1.0;
        bytes -= 8;
    }
    const long n = bytes / 8;
#if defined(__AVX512F__)
    for (long i = 0; i + 8 <= n; i += 8) _mm512_stream_pd(to + i, _mm512_set1_pd(1.0));
#elif defined(__AVX__)
    for (long i = 0; i + 4 <= n; i += 4) _mm256_stream_pd(to + i, _mm256_set1_pd(1.0));
#elif defined(__SSE2__)
    for (long i = 0; i + 2 <= n; i += 2) _mm_stream_pd(to + i, _mm_set1_pd(1.0));
#else
    std::memset(to, 0, static_cast<std::size_t>(n) * 8);
#endif
#if defined(__SSE2__)
    _mm_sfence();
#endif
}
