/// Cholesky factorisation A = L L', block by block, and its triangular solves. Lower triangles,
/// column-major; the blocks are put together in cholesky.cpp.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// Calls step(i, count) for runs of at most a packet that make up n.
template <class Step>
JACNET_INLINE void for_packets(index_t n, Step&& step) {
    index_t i = 0;
    for (; i + packet_size <= n; i += packet_size) step(i, packet_size);
    if (i < n) step(i, n - i);
}

/// y[i] -= alpha x[i].
JACNET_INLINE void subtract(index_t n, double alpha, const double* x, double* y) {
    const Packet factor = set(-alpha);
    for_packets(n, [&](index_t i, index_t count) {
        const Packet sum = mul_add(factor, load_first(x + i, count), load_first(y + i, count));
        store_first(y + i, sum, count);
    });
}

double dot(index_t n, const double* x, const double* y) {
    constexpr index_t chains = 4;
    Packet sum[chains] = {};
    index_t i = 0;
    for (; i + chains * packet_size <= n; i += chains * packet_size) {
#pragma GCC unroll 4
        for (index_t chain = 0; chain < chains; ++chain) {
            const index_t at = i + chain * packet_size;
            sum[chain] = mul_add(load(x + at), load(y + at), sum[chain]);
        }
    }
    for_packets(n - i, [&](index_t rest, index_t count) {
        sum[0] = mul_add(load_first(x + i + rest, count), load_first(y + i + rest, count), sum[0]);
    });
    return lane_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/// Column j, `rows` of it, less the columns before times their elements in row j. Two columns at a
/// time, in sums of their own: a single chain of additions would be all latency.
template <int packets>
void reduce_packets(index_t j, index_t rows, const double* row, double* a, index_t ld) {
    constexpr int whole = packets - 1;
    const index_t last = rows - whole * packet_size;
    Packet even[packets] = {}, odd[packets] = {};
    const auto add = [&](Packet(&sum)[packets], index_t c) {
        const Packet factor = set(row[c * ld]);
#pragma GCC unroll 4
        for (int p = 0; p < whole; ++p) {
            sum[p] = mul_add(factor, load(a + p * packet_size + c * ld), sum[p]);
        }
        const double* tail = a + whole * packet_size + c * ld;
        sum[whole] = mul_add(factor, load_first(tail, last), sum[whole]);
    };
    index_t c = 0;
    for (; c + 2 <= j; c += 2) {
        add(even, c);
        add(odd, c + 1);
    }
    if (c < j) add(even, c);
    double* column = a + j * ld;
#pragma GCC unroll 4
    for (int p = 0; p < whole; ++p) {
        double* own = column + p * packet_size;
        store(own, load(own) - (even[p] + odd[p]));
    }
    double* tail = column + whole * packet_size;
    store_first(tail, load_first(tail, last) - (even[whole] + odd[whole]), last);
}

void reduce_column(index_t j, index_t rows, const double* row, double* a, index_t ld) {
    constexpr index_t most = 4 * packet_size;
    for (; rows > most; rows -= most, a += most) reduce_packets<4>(j, most, row, a, ld);
    if (rows > 3 * packet_size) return reduce_packets<4>(j, rows, row, a, ld);
    if (rows > 2 * packet_size) return reduce_packets<3>(j, rows, row, a, ld);
    if (rows > packet_size) return reduce_packets<2>(j, rows, row, a, ld);
    reduce_packets<1>(j, rows, row, a, ld);
}

}  // namespace

bool cholesky_block(index_t n, double* a, index_t ld) {
    for (index_t j = 0; j < n; ++j) {
        double* column = a + j * (ld + 1);
        reduce_column(j, n - j, a + j, a + j, ld);
        if (!(column[0] > 0.0) || !(column[0] < __builtin_inf())) return false;
        const double root = __builtin_sqrt(column[0]);
        const Packet inverse = set(1.0 / root);
        for_packets(n - j, [&](index_t i, index_t count) {
            store_first(column + i, load_first(column + i, count) * inverse, count);
        });
        column[0] = root;
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
