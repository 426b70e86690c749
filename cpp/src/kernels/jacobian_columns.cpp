/// Columns of a Jacobian: outer products, written past the caches where the result exceeds them.

#include <cstdint>

#include "gather.hpp"
#include "local_kernels.hpp"
#include "stream.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// Lanes of an address within its packet.
JACNET_INLINE index_t lane_of(const double* address) {
    constexpr auto size = packet_size * sizeof(double);
    return static_cast<index_t>(reinterpret_cast<std::uintptr_t>(address) % size / sizeof(double));
}

/// Writes runs of values in packets that cross no line, past the caches or not. What does not fill
/// a packet is held back until the next run continues it: a store in part would wait for the line
/// to come, and all stores behind it.
template <bool past>
class Line {
public:
    ~Line() { flush(); }

    /// h k values, p * h + i is u[p] d[i]. d is followed by its own first packet_size values, so
    /// that a packet may begin with one u and end with the next, and comes after as many of no
    /// matter.
    void append(index_t h, index_t k, const double* u, const double* d, double* to) {
        const index_t lane = lane_of(to);
        if (to != next_) {
            flush();
            first_ = lane;
        }
        next_ = to + h * k;
        index_t i = 0;
        if (lane > 0 || first_ > 0) {
            const Packet begun = select(first_lanes(lane), held_, set(u[0]) * load(d - lane));
            if (lane + h * k < packet_size) {
                held_ = begun;
                return;
            }
            first_ > 0 ? store_lanes(to - lane, begun, first_, packet_size) : put(to - lane, begun);
            first_ = 0;
            i = packet_size - lane;
        }
        constexpr index_t most = 8;  // packets of d in registers, where no store is in their way
        if (h % packet_size != 0 || h > most * packet_size || k == 1) {
            append_packets(h, k, u, d, to, i);
        } else {
            append_whole<most>(h / packet_size, k, u, d + i, to + i);
        }
    }

private:
    static JACNET_INLINE void put(double* to, Packet v) {
        past ? stream_packet(to, v) : store(to, v);
    }

    /// From row i on.
    void append_packets(index_t h, index_t k, const double* u, const double* d, double* to,
                        index_t i) {
        for (index_t p = 0; p < k; ++p) {
            const Packet factor = set(u[p]);
            double* rows = to + p * h;
            for (; i + packet_size <= h; i += packet_size) put(rows + i, factor * load(d + i));
            if (p + 1 == k) break;
            if (i < h) {
                const Packet mixed = select(first_lanes(h - i), factor, set(u[p + 1]));
                put(rows + i, mixed * load(d + i));
                i += packet_size;
            }
            i -= h;
        }
        held_ = set(u[k - 1]) * load(d + i);
    }

    /// The same for h of n packets, from a whole one on.
    template <int n>
    void append_whole(index_t packets, index_t k, const double* u, const double* d, double* to) {
        if constexpr (n > 1) {
            if (packets < n) return append_whole<n - 1>(packets, k, u, d, to);
        }
        constexpr index_t h = n * packet_size;
        Packet own[n];
#pragma GCC unroll 8
        for (int j = 0; j < n; ++j) own[j] = load(d + j * packet_size);
        const index_t lane = lane_of(next_);
        const Mask same = first_lanes(lane > 0 ? lane : packet_size);
        for (index_t p = 0; p + 1 < k; ++p, to += h) {
            const Packet factor = set(u[p]);
#pragma GCC unroll 8
            for (int j = 0; j + 1 < n; ++j) put(to + j * packet_size, factor * own[j]);
            const Packet mixed = select(same, factor, set(u[p + 1]));
            put(to + (n - 1) * packet_size, mixed * own[n - 1]);
        }
        const Packet factor = set(u[k - 1]);
#pragma GCC unroll 8
        for (int j = 0; j + 1 < n; ++j) put(to + j * packet_size, factor * own[j]);
        held_ = factor * own[n - 1];
        if (lane == 0) put(to + (n - 1) * packet_size, held_);
    }

    void flush() {
        const index_t last = next_ == nullptr ? 0 : lane_of(next_);
        if (last > first_) store_lanes(next_ - last, held_, first_, last);
        first_ = 0;
    }

    double* next_ = nullptr;  ///< where the last run ended
    Packet held_{};           ///< lanes [first_, lane_of(next_)) of the packet there
    index_t first_ = 0;
};

/// kron(u, d), rows p * h + i; d is followed by at least packet_size values of no matter.
void outer(index_t h, index_t k, const double* u, const double* d, double* out) {
    for (index_t p = 0; p < k; ++p) {
        const Packet factor = set(u[p]);
        double* rows = out + p * h;
        index_t i = 0;
        for (; i + packet_size <= h; i += packet_size) store(rows + i, factor * load(d + i));
        if (i == h) continue;
        // Ascending: what is too much is overwritten, but at the column's end.
        const index_t left = (k - p) * h - i;
        store_first(rows + i, factor * load(d + i), left < packet_size ? h - i : packet_size);
    }
}

/// The same in floats, products of doubles rounded once, by way of the first-level cache.
void outer_rounded(index_t h, index_t k, const double* u, const double* d, float* out,
                   bool stream) {
    constexpr index_t piece = 1024;
    alignas(64) double staged[piece];
    if (h > piece) {
        for (index_t p = 0; p < k; ++p) {
            for (index_t i = 0; i < h; i += piece) {
                const index_t n = h - i < piece ? h - i : piece;
                outer(n, 1, u + p, d + i, staged);
                rounded_copy(staged, out + p * h + i, n, stream);
            }
        }
        return;
    }
    const index_t step = piece / h;
    for (index_t p = 0; p < k; p += step) {
        const index_t n = k - p < step ? k - p : step;
        outer(h, n, u + p, d, staged);
        rounded_copy(staged, out + p * h, n * h, stream);
    }
}

template <class Real>
void transposed_lanes(index_t count, index_t n_rows, const Factor* rows, Real* out,
                      index_t col_stride) {
    for (index_t z = 0; z < count; z += packet_size) {
        const index_t samples = count - z < packet_size ? count - z : packet_size;
        for (index_t row = 0; row < n_rows; row += packet_size) {
            Packet v[packet_size];
            gather(z, row, n_rows, rows, v);
            Real* to = out + z * col_stride + row;
            if (samples == packet_size && row + packet_size <= n_rows) {
#pragma GCC unroll 8
                for (int t = 0; t < packet_size; ++t) store_as(to + t * col_stride, v[t]);
                continue;
            }
            for (index_t t = 0; t < samples; ++t) {
                store_first(to + t * col_stride, v[t], n_rows - row);
            }
        }
    }
}

template <class Real>
void copy_by(index_t n, const Real* from, Real* to, bool stream) {
    if (!stream) return copy_packets<false>(from, to, n);
    copy_packets<true>(from, to, n);
    stream_fence();
}

}  // namespace

void copy(index_t n, const double* from, double* to, bool stream) { copy_by(n, from, to, stream); }

void copy(index_t n, const float* from, float* to, bool stream) { copy_by(n, from, to, stream); }

void round(index_t n, const double* from, float* to, bool stream) {
    rounded_copy(from, to, n, stream);
    if (stream) stream_fence();
}

void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, double* out,
                      index_t col_stride) {
    transposed_lanes(count, n_rows, rows, out, col_stride);
}

void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, float* out,
                      index_t col_stride) {
    transposed_lanes(count, n_rows, rows, out, col_stride);
}

namespace {

/// Calls write(h, k, u, d, to) for every part of columns [first, last).
template <class Real, class Write>
JACNET_INLINE void for_each_part(index_t first, index_t last, index_t outputs, index_t n_parts,
                                 const OuterProducts* parts, Real* out, index_t col_stride,
                                 Write&& write) {
    for (index_t c = first; c < last; ++c) {
        for (index_t part = 0; part < n_parts; ++part) {
            const OuterProducts& a = parts[part];
            write(a.h, a.k, a.u + c / outputs * a.ldu, a.d + c * a.ldd,
                  out + c * col_stride + a.row);
        }
    }
}

}  // namespace

void jacobian_columns(index_t first, index_t last, index_t outputs, index_t n_parts,
                      const OuterProducts* parts, double* out, index_t col_stride, bool stream) {
    const auto write = [&](auto line) {
        for_each_part(first, last, outputs, n_parts, parts, out, col_stride,
                      [&](auto... part) { line.append(part...); });
    };
    if (!stream) return write(Line<false>());
    write(Line<true>());
    stream_fence();
}

void jacobian_columns(index_t first, index_t last, index_t outputs, index_t n_parts,
                      const OuterProducts* parts, float* out, index_t col_stride, bool stream) {
    for_each_part(first, last, outputs, n_parts, parts, out, col_stride,
                  [&](auto... part) { outer_rounded(part..., stream); });
    if (stream) stream_fence();
}

}  // namespace jacnet::kernels::JACNET_ISA
