/// Products for a single sample: its neurons are the lanes, so that none of them is padding.
///
/// Rows of a layer's matrix need not fill whole packets; what is left of a column is loaded alone.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// Packets [0, packets) of theta x; the last one has `last` rows. Two columns at a time, in sums
/// of their own: a single chain of additions would be all latency.
template <int packets>
void product_rows(index_t h, index_t k, index_t last, const double* theta, const double* x,
                  double* out) {
    Packet even[packets] = {}, odd[packets] = {};
    const auto add = [&](Packet(&sum)[packets], index_t c) {
        const double* column = theta + c * h;
        const Packet value = set(x[c]);
#pragma GCC unroll 8
        for (int p = 0; p < packets - 1; ++p) {
            sum[p] = mul_add(load(column + p * packet_size), value, sum[p]);
        }
        const double* tail = column + (packets - 1) * packet_size;
        sum[packets - 1] = mul_add(load_first(tail, last), value, sum[packets - 1]);
    };
    index_t c = 0;
    for (; c + 2 <= k; c += 2) {
        add(even, c);
        add(odd, c + 1);
    }
    if (c < k) add(even, c);
#pragma GCC unroll 8
    for (int p = 0; p < packets; ++p) store(out + p * packet_size, even[p] + odd[p]);
}

constexpr int most_packets = packet_size == 8 ? 8 : 4;

using ProductRows = void (*)(index_t, index_t, index_t, const double*, const double*, double*);

template <int... packets>
ProductRows product_rows_of(index_t count, std::integer_sequence<int, packets...>) {
    static constexpr ProductRows functions[] = {product_rows<packets + 1>...};
    return functions[count - 1];
}

/// Sums over the lanes of `packet_size` packets: lane i is that of packet i. In pairs, for a short
/// chain of additions: a single sample waits for it.
JACNET_INLINE Packet paired_lane_sums(Packet (&v)[packet_size]) {
    transpose(v);
#pragma GCC unroll 4
    for (int step = packet_size / 2; step > 0; step /= 2) {
#pragma GCC unroll 4
        for (int i = 0; i < step; ++i) v[i] += v[i + step];
    }
    return v[0];
}

/// A packet of columns of theta times `count` vectors; `columns` of them exist.
template <int count>
void dot_columns(index_t h, index_t columns, const double* theta, const double* d, index_t ldd,
                 double* out, index_t ldo) {
    const double* column[packet_size];
    for (int c = 0; c < packet_size; ++c) column[c] = theta + (c < columns ? c : columns - 1) * h;
    Packet sum[count][packet_size] = {};
    const auto add = [&](index_t i, auto&& load_theta) {
        Packet value[count];
#pragma GCC unroll 4
        for (int r = 0; r < count; ++r) value[r] = load(d + r * ldd + i);
#pragma GCC unroll 8
        for (int c = 0; c < packet_size; ++c) {
            const Packet weight = load_theta(column[c] + i);
#pragma GCC unroll 4
            for (int r = 0; r < count; ++r) sum[r][c] = mul_add(weight, value[r], sum[r][c]);
        }
    };
    index_t i = 0;
    for (; i + packet_size <= h; i += packet_size) {
        add(i, [](const double* p) { return load(p); });
    }
    if (i < h) add(i, [n = h - i](const double* p) { return load_first(p, n); });
#pragma GCC unroll 4
    for (int r = 0; r < count; ++r) store(out + r * ldo, paired_lane_sums(sum[r]));
}

}  // namespace

void vector_product(index_t h, index_t k, const double* theta, const double* x, double* out) {
    constexpr std::make_integer_sequence<int, most_packets> counts{};
    constexpr index_t most = most_packets * packet_size;
    for (index_t i = 0; i < h; i += most) {
        const index_t rows = h - i < most ? h - i : most;
        const index_t packets = (rows + packet_size - 1) / packet_size;
        product_rows_of(packets, counts)(h, k, rows - (packets - 1) * packet_size, theta + i, x,
                                         out + i);
    }
}

void transposed_products(index_t h, index_t k, const double* theta, index_t count, const double* d,
                         index_t ldd, double* out, index_t ldo) {
    constexpr index_t most = packet_size == 8 ? 3 : packet_size == 4 ? 2 : 4;
    for (index_t c = 0; c < k; c += packet_size) {
        for (index_t r = 0; r < count;) {
            const index_t left = count - r;
            const index_t vectors = left < most ? left : most;
            const auto dot = vectors == 4   ? dot_columns<4>
                             : vectors == 3 ? dot_columns<3>
                             : vectors == 2 ? dot_columns<2>
                                            : dot_columns<1>;
            dot(h, k - c, theta + c * h, d + r * ldd, ldd, out + c + r * ldo, ldo);
            r += vectors;
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
