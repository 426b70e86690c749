/// Transposed copies, and the halves of symmetric matrices, which are such copies.

#include "local_kernels.hpp"
#include "stream.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// to[j, i] = from[i, j] for a square of as many as a packet has.
template <class Real>
JACNET_INLINE void transpose_packets(const Real* from, index_t ld, Real* to, index_t ld_to) {
    constexpr int size = size_of_packet<Real>;
    PacketOf<Real> v[size];
#pragma GCC unroll 16
    for (int j = 0; j < size; ++j) v[j] = load(from + j * ld);
    transpose(v);
#pragma GCC unroll 16
    for (int i = 0; i < size; ++i) store(to + i * ld_to, v[i]);
}

/// to[j, i] = from[i, j] for rows x cols.
template <class Real>
void transpose_block(index_t rows, index_t cols, const Real* from, index_t ld, Real* to,
                     index_t ld_to) {
    constexpr index_t size = size_of_packet<Real>;
    const index_t whole_rows = rows / size * size;
    const index_t whole_cols = cols / size * size;
    for (index_t j = 0; j < whole_cols; j += size) {
        for (index_t i = 0; i < whole_rows; i += size) {
            transpose_packets(from + i + j * ld, ld, to + j + i * ld_to, ld_to);
        }
    }
    for (index_t j = 0; j < cols; ++j) {
        for (index_t i = j < whole_cols ? whole_rows : 0; i < rows; ++i) {
            to[j + i * ld_to] = from[i + j * ld];
        }
    }
}

/// A block to be read soon: the hardware does not follow from one column to the next.
template <class Real>
void prefetch_block(index_t rows, index_t cols, const Real* from, index_t ld) {
    constexpr index_t line = 64 / sizeof(Real);
    for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows + line - 1; i += line)
            __builtin_prefetch(from + i + j * ld, 0, 2);
    }
}

/// Below the diagonal of a square, from above it.
template <class Real>
void mirror_square(index_t size, Real* h, index_t ld) {
    constexpr index_t step = size_of_packet<Real> > 8 ? size_of_packet<Real> : 8;
    for (index_t j = 0; j < size; j += step) {
        const index_t width = size - j < step ? size - j : step;
        transpose_block(j, width, h + j * ld, ld, h + j, ld);
        for (index_t c = j; c < j + width; ++c) {
            for (index_t i = j; i < c; ++i) h[c + i * ld] = h[i + c * ld];
        }
    }
}

/// A square on the diagonal, both triangles from the upper one.
void copy_diagonal(index_t size, const double* from, index_t ld, double* to, index_t ld_to) {
    Packet v[packet_size], turned[packet_size];
#pragma GCC unroll 8
    for (int c = 0; c < packet_size; ++c) turned[c] = v[c] = load(from + c * ld);
    transpose(turned);
    for (index_t c = 0; c < size; ++c) {
        store_first(to + c * ld_to, select(first_lanes(c), v[c], turned[c]), size);
    }
}

/// A whole packet of rows above the diagonal by `columns`, and what mirrors it.
void copy_mirrored(index_t columns, const double* from, index_t ld, double* above, double* below,
                   index_t ld_to) {
    Packet v[packet_size];
#pragma GCC unroll 8
    for (int c = 0; c < packet_size; ++c) v[c] = load(from + c * ld);
    for (index_t c = 0; c < columns; ++c) store(above + c * ld_to, v[c]);
    transpose(v);
#pragma GCC unroll 8
    for (int r = 0; r < packet_size; ++r) store_first(below + r * ld_to, v[r], columns);
}

template <class Real>
void mirror_all_squares(index_t size, index_t count, index_t first, index_t last, Real* h,
                        index_t ld) {
    for (index_t q = first + 1; q < count; ++q) {
        for (index_t p = first; p < q && p < last; ++p) {
            mirror_square(size, h + (p + q * ld) * size, ld);
        }
    }
}

template <class Real>
void mirror_columns(index_t p, index_t first, index_t last, Real* h, index_t ld) {
    // Columns of the target by rows of it that are staged in the second-level cache at once; long
    // runs leave few lines that are written in part.
    constexpr index_t width = 32, height = 256;
    alignas(64) Real staged[width * height];
    const bool stream = p * p * static_cast<index_t>(sizeof(Real)) > index_t{1} << 21;
    for (index_t c = first; c < last; c += width) {
        const index_t n = last - c < width ? last - c : width;
        mirror_square(n, h + c * (ld + 1), ld);
        for (index_t r = c + n; r < p; r += height) {
            const index_t run = p - r < height ? p - r : height;
            if (!stream) {
                transpose_block(n, run, h + c + r * ld, ld, h + r + c * ld, ld);
                continue;
            }
            const index_t next = p - r - run < height ? p - r - run : height;
            prefetch_block(n, next, h + c + (r + run) * ld, ld);
            transpose_block(n, run, h + c + r * ld, ld, staged, height);
            for (index_t j = 0; j < n; ++j) {
                copy_packets<true>(staged + j * height, h + r + (c + j) * ld, run);
            }
        }
    }
    if (stream) stream_fence();
}

}  // namespace

void transpose(index_t rows, index_t cols, const double* from, index_t ld, double* to,
               index_t ld_to) {
    transpose_block(rows, cols, from, ld, to, ld_to);
}

void transpose(index_t rows, index_t cols, const float* from, index_t ld, float* to,
               index_t ld_to) {
    transpose_block(rows, cols, from, ld, to, ld_to);
}

void copy_symmetric(index_t p, const double* upper, index_t ld, double* out, index_t ld_out) {
    for (index_t c = 0; c < p; c += packet_size) {
        const index_t columns = p - c < packet_size ? p - c : packet_size;
        for (index_t r = 0; r < c; r += packet_size) {
            copy_mirrored(columns, upper + r + c * ld, ld, out + r + c * ld_out,
                          out + c + r * ld_out, ld_out);
        }
        copy_diagonal(columns, upper + c * (ld + 1), ld, out + c * (ld_out + 1), ld_out);
    }
}

void mirror_squares(index_t size, index_t count, index_t first, index_t last, double* h,
                    index_t ld) {
    mirror_all_squares(size, count, first, last, h, ld);
}

void mirror_squares(index_t size, index_t count, index_t first, index_t last, float* h,
                    index_t ld) {
    mirror_all_squares(size, count, first, last, h, ld);
}

void mirror(index_t p, index_t first, index_t last, double* h, index_t ld) {
    mirror_columns(p, first, last, h, ld);
}

void mirror(index_t p, index_t first, index_t last, float* h, index_t ld) {
    mirror_columns(p, first, last, h, ld);
}

}  // namespace jacnet::kernels::JACNET_ISA
