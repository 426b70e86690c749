/// Slopes and curvatures of layers over a block of samples.

#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// g = a (v - sum_k a_k v_k), the symmetric part of a softmax slope.
void softmax_part(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                  index_t ldg) {
    for (index_t first = 0; first < n; first += 8) {
        double sum[8] = {};
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                sum[z] += f.a[i * f.lda + first + z] * v[i * ldv + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                g[i * ldg + first + z] =
                    f.a[i * f.lda + first + z] * (v[i * ldv + first + z] - sum[z]);
            }
        }
    }
}

/// Rows of d1 times those of v; at once, where they lie end to end.
void times_slopes(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                  index_t ldg) {
    if (f.ldd == n && ldv == n && ldg == n) return multiply(n * h, f.d1, v, g, false);
    for (index_t i = 0; i < h; ++i) multiply(n, f.d1 + i * f.ldd, v + i * ldv, g + i * ldg, false);
}

}  // namespace

void slope_backward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                    index_t ldg) {
    if (f.matrix) {
        softmax_part(f, n, h, v, ldv, g, ldg);
        v = g;
        ldv = ldg;
    }
    times_slopes(f, n, h, v, ldv, g, ldg);
}

void slope_forward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                   index_t ldg) {
    times_slopes(f, n, h, v, ldv, g, ldg);
    if (f.matrix) softmax_part(f, n, h, g, ldg, g, ldg);
}

void add_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                   index_t ldv, double* b, index_t ldb) {
    if (!f.matrix) {
        for (index_t i = 0; i < h; ++i) {
            multiply(n, d2 + i * f.ldd, v + i * ldv, b + (i + h * i) * ldb, true);
        }
        return;
    }
    for (index_t z = 0; z < n; ++z) {
        const double* a = f.a + z;
        const double* d1 = f.d1 + z;
        double mean = 0.0;
        for (index_t i = 0; i < h; ++i) mean += a[i * f.lda] * v[i * ldv + z];
        const auto w = [&](index_t i) { return a[i * f.lda] * (v[i * ldv + z] - mean); };
        for (index_t j = 0; j < h; ++j) {
            for (index_t i = 0; i < h; ++i) {
                // Multiplied in this order, a vanishing w silences slopes that overflow.
                double value = -(w(i) * d1[i * f.ldd]) * (a[j * f.lda] * d1[j * f.ldd]) -
                               (a[i * f.lda] * d1[i * f.ldd]) * (w(j) * d1[j * f.ldd]);
                if (i == j) {
                    value += (w(i) * d1[i * f.ldd]) * d1[i * f.ldd] + w(i) * d2[i * f.ldd + z];
                }
                b[(i + h * j) * ldb + z] += value;
            }
        }
    }
}

void multiply_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                        index_t ldv, const double* r, index_t ldr, double* out, index_t ldo) {
    if (!f.matrix) {
        for (index_t i = 0; i < h; ++i) {
            const double *c = d2 + i * f.ldd, *vi = v + i * ldv, *ri = r + i * ldr;
            double* o = out + i * ldo;
            for (index_t z = 0; z < n; ++z) o[z] += c[z] * vi[z] * ri[z];
        }
        return;
    }
    for (index_t first = 0; first < n; first += 8) {
        double mean[8] = {}, ar[8] = {}, wr[8] = {};  // sums of a v, a d1 r, w d1 r
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                mean[z] += f.a[i * f.lda + first + z] * v[i * ldv + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                const double a = f.a[i * f.lda + first + z], d1 = f.d1[i * f.ldd + first + z];
                const double w = a * (v[i * ldv + first + z] - mean[z]);
                ar[z] += (a * d1) * r[i * ldr + first + z];
                wr[z] += (w * d1) * r[i * ldr + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                const double a = f.a[i * f.lda + first + z], d1 = f.d1[i * f.ldd + first + z];
                const double w = a * (v[i * ldv + first + z] - mean[z]);
                const double own = (w * d1) * d1 + w * d2[i * f.ldd + first + z];
                out[i * ldo + first + z] +=
                    own * r[i * ldr + first + z] - (w * d1) * ar[z] - (a * d1) * wr[z];
            }
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
