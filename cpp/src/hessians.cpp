/// Hessians sample by sample, for small networks: element ((i, p), (j, q)) of layers l <= k is
/// u_l[p] (B_lk[i, j] u_k[q] + g_k[j] dC[i, q]).

#include <algorithm>

#include "curvature.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// The block (l, k) of one lane into h, compact and column-major, upper triangle of layers.
void write_block(const Plan& plan, const Block& block, const CurvatureTape& tape, Curvature kind,
                 index_t z, index_t l, index_t k, double* h) {
    const PlanLayer& a = plan.layers[at(l)];
    const PlanLayer& b = plan.layers[at(k)];
    const index_t n = block.n, ld = plan.n_parameters;
    Workspace work;
    double* curvature = work.doubles(a.h * b.h);
    double* bracket = work.doubles(a.h);
    for (index_t e = 0; e < a.h * b.h; ++e) curvature[e] = tape.b(l, k)[e * n + z];
    for (const Feed& feed : b.feeds) {
        // dC[i, q] of the columns of this feed: da_r[q] / deps_l[i], where layer r comes after l
        const bool moves =
            kind == Curvature::exact && k > l && feed.kind == SourceKind::layer && feed.source >= l;
        const bool slope = moves && feed.source == l && !a.matrix_slope;
        for (index_t q = feed.column; q < std::min(feed.column + feed.width, b.k); ++q) {
            const index_t neuron = q - feed.column;
            const double uq = block.layers[k].u[q * n + z];
            for (index_t j = 0; j < b.h; ++j) {
                const double gj = block.layers[k].g[j * n + z];
                for (index_t i = 0; i < a.h; ++i) bracket[i] = curvature[i + a.h * j] * uq;
                if (slope) {
                    bracket[neuron] += gj * block.layers[l].d1[neuron * n + z];
                } else if (moves) {
                    const double* c = tape.c(l, feed.source) + neuron * a.h * n + z;
                    for (index_t i = 0; i < a.h; ++i) bracket[i] += gj * c[i * n];
                }
                double* column = h + (b.offset + q * b.h + j) * ld + a.offset;
                for (index_t p = 0; p < a.k; ++p) {
                    const double up = block.layers[l].u[p * n + z];
                    for (index_t i = 0; i < a.h; ++i) column[p * a.h + i] = up * bracket[i];
                }
            }
        }
    }
}

}  // namespace

void compute_hessians(const Plan& plan, const Batch& batch, Curvature kind, double* data,
                      const index_t strides[3], std::optional<int> requested) {
    const index_t p = plan.n_parameters;
    const double flops =
        (2.0 * static_cast<double>(p) * static_cast<double>(p) + 10.0 * plan.forward_flops) *
        static_cast<double>(batch.size());
    const int n_threads = threads_for(flops, requested);
    constexpr index_t chunk = 32;
    const double scale = data_scale(plan.performance, batch.counted);
    parallel_for((batch.size() + chunk - 1) / chunk, n_threads, [&](index_t task) {
        Workspace work;
        Block block =
            forward_block(plan, batch, task * chunk, std::min(chunk, batch.size() - task * chunk),
                          order_for(kind), scale, work);
        backward(plan, block, Objective::performance);
        const CurvatureTape tape(plan, block, kind, Objective::performance, work);
        const bool compact = strides[1] == 1 && strides[2] == p;
        double* scratch = compact ? nullptr : work.doubles(p * p);
        for (index_t z = 0; z < block.count; ++z) {
            double* own = data + (block.first + z) * strides[0];
            double* h = compact ? own : scratch;
            for (index_t l = 0; l < plan.n_layers(); ++l) {
                for (index_t k = l; k < plan.n_layers(); ++k) {
                    write_block(plan, block, tape, kind, z, l, k, h);
                }
            }
            for (index_t j = 0; j < p; ++j) {
                for (index_t i = 0; i < j; ++i) h[j + i * p] = h[i + j * p];
            }
            for (index_t j = 0; !compact && j < p; ++j) {
                for (index_t i = 0; i < p; ++i) {
                    own[i * strides[1] + j * strides[2]] = h[i + j * p];
                }
            }
        }
    });
}

}  // namespace jacnet
