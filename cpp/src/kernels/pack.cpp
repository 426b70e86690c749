/// Operands of a contraction: rows side by side in panels, lane by lane, as wide as a register
/// tile.

#include "float_packet.hpp"
#include "gather.hpp"
#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// One panel of products: `width` values per lane, lanes `next` apart. Writes up to a packet beyond
/// its end.
template <class Real>
void pack_factors(index_t n, index_t n_rows, const Factor* rows, index_t width, index_t next,
                  Real* out) {
    Packet low[packet_size], high[packet_size];
    for (index_t z = 0; z < n; z += packet_size) {
        gather(z, 0, n_rows, rows, low);
        if (width > packet_size) gather(z, packet_size, n_rows, rows, high);
#pragma GCC unroll 8
        for (int t = 0; t < packet_size; ++t) {  // ascending: what is too much is overwritten
            store_as(out + (z + t) * next, low[t]);
            if (width > packet_size) store_as(out + (z + t) * next + packet_size, high[t]);
        }
    }
}

template <class Real>
void pack_left_panels(index_t n, index_t n_rows, const Factor* rows, Real* out,
                      index_t panel_stride) {
    constexpr index_t height = tile_rows<Real>, part = 2 * packet_size;
    for (index_t r = 0; r < n_rows; r += height) {
        for (index_t p = 0; p < height; p += part) {
            pack_factors(n, n_rows - r - p, rows + r + p, part, height, out + p);
        }
        out += panel_stride;
    }
}

template <class Real>
void pack_right_panels(index_t n, index_t n_columns, const Factor* columns, Real* out) {
    const index_t count = right_panels(n_columns);
    for (index_t p = 0; p < count; ++p) {
        const index_t first = n_columns * p / count, last = n_columns * (p + 1) / count;
        pack_factors(n, last - first, columns + first, last - first, last - first, out + first * n);
    }
}

/// out[z, r] = factor * a[r, z] for a panel of `width`, zero from `height` on.
template <class Real>
void pack_panel(index_t n, index_t height, index_t width, Real factor, const Real* a, index_t ld,
                Real* out) {
    for (index_t z = 0; z < n; ++z) {
        const Real* from = a + z * ld;
        Real* to = out + z * width;
        for (index_t r = 0; r < height; ++r) to[r] = factor * from[r];
        for (index_t r = height; r < width; ++r) to[r] = Real{0};
    }
}

template <class Real>
void pack_all_rows(index_t n, index_t n_rows, const Real* a, index_t ld, Real* left) {
    constexpr index_t width = tile_rows<Real>;
    for (index_t r = 0; r < n_rows; r += width) {
        const index_t height = n_rows - r < width ? n_rows - r : width;
        pack_panel(n, height, width, Real{1}, a + r, ld, left + r * n);
    }
}

template <class Real>
void pack_all_columns(index_t n, index_t n_columns, Real factor, const Real* a, index_t ld,
                      Real* right) {
    const index_t count = right_panels(n_columns);
    for (index_t p = 0; p < count; ++p) {
        const index_t first = n_columns * p / count, last = n_columns * (p + 1) / count;
        pack_panel(n, last - first, last - first, factor, a + first, ld, right + first * n);
    }
}

}  // namespace

void pack_left(index_t n, index_t n_rows, const Factor* rows, double* out, index_t panel_stride) {
    pack_left_panels(n, n_rows, rows, out, panel_stride);
}

void pack_left(index_t n, index_t n_rows, const Factor* rows, float* out, index_t panel_stride) {
    pack_left_panels(n, n_rows, rows, out, panel_stride);
}

void pack_right(index_t n, index_t n_columns, const Factor* columns, double* out) {
    pack_right_panels(n, n_columns, columns, out);
}

void pack_right(index_t n, index_t n_columns, const Factor* columns, float* out) {
    pack_right_panels(n, n_columns, columns, out);
}

void pack_rows(index_t n, index_t n_rows, const double* a, index_t ld, double* left) {
    pack_all_rows(n, n_rows, a, ld, left);
}

void pack_rows(index_t n, index_t n_rows, const float* a, index_t ld, float* left) {
    pack_all_rows(n, n_rows, a, ld, left);
}

void pack_columns(index_t n, index_t n_columns, double factor, const double* a, index_t ld,
                  double* right) {
    pack_all_columns(n, n_columns, factor, a, ld, right);
}

void pack_columns(index_t n, index_t n_columns, float factor, const float* a, index_t ld,
                  float* right) {
    pack_all_columns(n, n_columns, factor, a, ld, right);
}

}  // namespace jacnet::kernels::JACNET_ISA
