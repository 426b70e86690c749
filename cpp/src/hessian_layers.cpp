/// The diagonal blocks of the Hessian, layer by layer.

#include <numeric>

#include "errors.hpp"
#include "hessian_rectangle.hpp"
#include "questions.hpp"
#include "remedies.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr Asker asker{"hessian_layers", instead::blocks};

/// 0, 1, ... up to the largest width or number of sources.
std::vector<index_t> counting(const Plan& plan) {
    index_t most = 0;
    for (const PlanLayer& layer : plan.layers) most = std::max({most, layer.h, layer.k});
    std::vector<index_t> numbers(at(most));
    std::iota(numbers.begin(), numbers.end(), index_t{0});
    return numbers;
}

/// Whether kernels can write to it: it is symmetric, so that rows will do for columns.
bool direct(const MatrixView<double>& out) {
    return (out.row_stride == 1 && out.col_stride >= out.rows) ||
           (out.col_stride == 1 && out.row_stride >= out.rows);
}

/// Square matrices that stand in for those of strides that kernels do not know.
std::vector<std::vector<double>> stand_ins(const std::vector<MatrixView<double>>& h) {
    std::vector<std::vector<double>> scratch(h.size());
    double bytes = 0.0;
    for (std::size_t l = 0; l < h.size(); ++l) {
        if (direct(h[l])) continue;
        bytes += 8.0 * static_cast<double>(h[l].rows) * static_cast<double>(h[l].rows);
        need_memory(bytes, text(asker.function, ": blocks without contiguous rows or columns"),
                    "pass ordinary arrays as out, or ask for hessian_diagonal");
        scratch[l].resize(at(h[l].rows * h[l].rows));
    }
    return scratch;
}

}  // namespace

void compute_hessian_layers(const Plan& plan, const Batch& batch, Curvature kind,
                            const std::vector<MatrixView<double>>& h,
                            std::optional<int> n_threads) {
    std::vector<std::vector<double>> scratch = stand_ins(h);
    const std::vector<index_t> numbers = counting(plan);
    const auto first = [&](index_t n) { return std::span(numbers).first(at(n)); };
    std::vector<HessianPiece> pieces;
    double elements = 0.0;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const MatrixView<double>& out = h[at(l)];
        const index_t p = layer.size();
        elements += 0.25 * static_cast<double>(p) * static_cast<double>(p);
        const auto i = first(layer.h), q = first(layer.k);
        const bool own = direct(out);
        pieces.push_back({l, l, i, q, i, q, false, own ? out.data : scratch[at(l)].data(),
                          own ? std::max(out.row_stride, out.col_stride) : p});
    }
    CurvatureBlocks curvatures(plan, batch, kind);
    contract_pieces(asker, curvatures, pieces,
                    threads_for_elements(plan, batch, elements, n_threads));
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    for (std::size_t l = 0; l < h.size(); ++l) {
        parallel_for(h[l].cols, 1, [&](index_t c) {
            for (index_t r = 0; !scratch[l].empty() && r < h[l].rows; ++r) {
                h[l](r, c) = scratch[l][at(r + c * h[l].rows)];
            }
            if (penalty != 0.0) h[l](c, c) += penalty;
        });
    }
}

}  // namespace jacnet
