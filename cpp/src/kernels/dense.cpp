/// Matrix products, slopes and curvatures over a block of samples.

#include <Eigen/Core>

#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

using Matrix = Eigen::Map<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using Result = Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

template <class A, class B>
void product(const A& a, const B& b, Result& c, bool accumulate) {
    if (accumulate) {
        c.noalias() += a * b;
    } else {
        c.noalias() = a * b;
    }
}

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

}  // namespace

void gemm(bool transpose_a, bool transpose_b, index_t m, index_t n, index_t k, const double* a,
          index_t lda, const double* b, index_t ldb, double* c, index_t ldc, bool accumulate) {
    const Matrix ma(a, transpose_a ? k : m, transpose_a ? m : k, Eigen::OuterStride<>(lda));
    const Matrix mb(b, transpose_b ? n : k, transpose_b ? k : n, Eigen::OuterStride<>(ldb));
    Result mc(c, m, n, Eigen::OuterStride<>(ldc));
    if (k == 0) {
        if (!accumulate) mc.setZero();
    } else if (transpose_a) {
        transpose_b ? product(ma.transpose(), mb.transpose(), mc, accumulate)
                    : product(ma.transpose(), mb, mc, accumulate);
    } else {
        transpose_b ? product(ma, mb.transpose(), mc, accumulate) : product(ma, mb, mc, accumulate);
    }
}

void multiply(index_t n, const double* x, const double* y, double* out, bool accumulate) {
    if (accumulate) {
        for (index_t z = 0; z < n; ++z) out[z] += x[z] * y[z];
    } else {
        for (index_t z = 0; z < n; ++z) out[z] = x[z] * y[z];
    }
}

void scale(index_t n, const double* x, double alpha, double* out, bool accumulate) {
    if (accumulate) {
        for (index_t z = 0; z < n; ++z) out[z] += x[z] * alpha;
    } else {
        for (index_t z = 0; z < n; ++z) out[z] = x[z] * alpha;
    }
}

void slope_backward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                    index_t ldg) {
    if (f.matrix) {
        softmax_part(f, n, h, v, ldv, g, ldg);
        v = g;
        ldv = ldg;
    }
    for (index_t i = 0; i < h; ++i) multiply(n, f.d1 + i * f.ldd, v + i * ldv, g + i * ldg, false);
}

void slope_forward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                   index_t ldg) {
    for (index_t i = 0; i < h; ++i) multiply(n, f.d1 + i * f.ldd, v + i * ldv, g + i * ldg, false);
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

}  // namespace jacnet::kernels::JACNET_ISA
