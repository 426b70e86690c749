/// Cholesky factorisation A = L L', block by block, and its triangular solves. Lower triangles,
/// column-major; the blocks are put together in cholesky.cpp.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// y[i] -= alpha x[i].
JACNET_INLINE void subtract(index_t n, double alpha, const double* x, double* y) {
    const Packet factor = set(-alpha);
    index_t i = 0;
    for (; i + packet_size <= n; i += packet_size) {
        store(y + i, mul_add(factor, load(x + i), load(y + i)));
    }
    for (; i < n; ++i) y[i] -= alpha * x[i];
}

double dot(index_t n, const double* x, const double* y) {
    Packet sum[2] = {};
    index_t i = 0;
    for (; i + 2 * packet_size <= n; i += 2 * packet_size) {
        sum[0] = mul_add(load(x + i), load(y + i), sum[0]);
        sum[1] = mul_add(load(x + i + packet_size), load(y + i + packet_size), sum[1]);
    }
    const Packet both = sum[0] + sum[1];
    double total = 0.0;
    for (index_t lane = 0; lane < packet_size; ++lane) total += both[lane];
    for (; i < n; ++i) total += x[i] * y[i];
    return total;
}

}  // namespace

bool cholesky_block(index_t n, double* a, index_t ld) {
    for (index_t j = 0; j < n; ++j) {
        double* column = a + j * ld;
        if (!(column[j] > 0.0) || !(column[j] < __builtin_inf())) return false;
        column[j] = __builtin_sqrt(column[j]);
        const double inverse = 1.0 / column[j];
        for (index_t i = j + 1; i < n; ++i) column[i] *= inverse;
        for (index_t c = j + 1; c < n; ++c) subtract(n - c, column[c], column + c, a + c + c * ld);
    }
    return true;
}

namespace {

/// `packets` packets of rows of X L' = A, in place.
template <int packets>
void solve_packets(index_t n, const double* l, index_t ldl, double* a, index_t lda) {
    for (index_t j = 0; j < n; ++j) {
        Packet x[packets];
#pragma GCC unroll 4
        for (int p = 0; p < packets; ++p) x[p] = load(a + p * packet_size + j * lda);
        for (index_t c = 0; c < j; ++c) {
            const Packet factor = set(-l[j + c * ldl]);
#pragma GCC unroll 4
            for (int p = 0; p < packets; ++p) {
                x[p] = mul_add(factor, load(a + p * packet_size + c * lda), x[p]);
            }
        }
        const Packet inverse = set(1.0 / l[j + j * ldl]);
#pragma GCC unroll 4
        for (int p = 0; p < packets; ++p) store(a + p * packet_size + j * lda, x[p] * inverse);
    }
}

}  // namespace

void solve_rows(index_t rows, index_t n, const double* l, index_t ldl, double* a, index_t lda) {
    index_t i = 0;
    for (; i + 4 * packet_size <= rows; i += 4 * packet_size) {
        solve_packets<4>(n, l, ldl, a + i, lda);
    }
    for (; i + packet_size <= rows; i += packet_size) solve_packets<1>(n, l, ldl, a + i, lda);
    for (; i < rows; ++i) {
        for (index_t j = 0; j < n; ++j) {
            double x = a[i + j * lda];
            for (index_t c = 0; c < j; ++c) x -= l[j + c * ldl] * a[i + c * lda];
            a[i + j * lda] = x * (1.0 / l[j + j * ldl]);
        }
    }
}

void solve_lower(index_t n, const double* l, index_t ld, double* x) {
    for (index_t j = 0; j < n; ++j) {
        x[j] /= l[j + j * ld];
        subtract(n - j - 1, x[j], l + j + 1 + j * ld, x + j + 1);
    }
}

void solve_lower_transposed(index_t n, const double* l, index_t ld, double* x) {
    for (index_t j = n - 1; j >= 0; --j) {
        x[j] = (x[j] - dot(n - j - 1, l + j + 1 + j * ld, x + j + 1)) / l[j + j * ld];
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
