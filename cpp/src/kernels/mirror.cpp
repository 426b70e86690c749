/// The halves of a symmetric matrix that are copied, not computed.

#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr index_t tile = 32;

/// Below the diagonal of a square at h, from above it.
void mirror_square(index_t size, double* h, index_t ld) {
    for (index_t j = 0; j < size; ++j) {
        for (index_t i = j + 1; i < size; ++i) h[j * ld + i] = h[i * ld + j];
    }
}

}  // namespace

void mirror_squares(index_t rows, index_t first, index_t last, double* h, index_t ld) {
    for (index_t q = first; q < last; ++q) {
        for (index_t p = 0; p < q; ++p) mirror_square(rows, h + p * rows + q * rows * ld, ld);
    }
}

void mirror(index_t p, index_t first, index_t last, double* h, index_t ld) {
    constexpr index_t tile = 32;
    for (index_t c = first; c < last; c += tile) {
        const index_t c_end = c + tile < last ? c + tile : last;
        for (index_t r = c; r < p; r += tile) {
            const index_t r_end = r + tile < p ? r + tile : p;
            for (index_t j = c; j < c_end; ++j) {
                for (index_t i = r > j ? r : j + 1; i < r_end; ++i) h[j * ld + i] = h[i * ld + j];
            }
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
