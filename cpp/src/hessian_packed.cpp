/// The upper triangle of the Hessian, column by column.

#include <memory>
#include <numeric>

#include "errors.hpp"
#include "hessian_rectangle.hpp"
#include "questions.hpp"
#include "remedies.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr Asker asker{"hessian_packed", instead::blocks};

std::vector<index_t> range(index_t first, index_t last) {
    std::vector<index_t> values(at(last - first));
    std::iota(values.begin(), values.end(), first);
    return values;
}

/// Columns of the matrix, down to the last one's diagonal.
struct Panel {
    index_t first, last;
    index_t size() const { return last * (last - first); }
};

/// Panels of whole columns of theta, so that they are rectangles of two layers' parameters, not
/// too small to be worth a pass.
std::vector<Panel> panels(const Plan& plan) {
    constexpr index_t most = index_t{1} << 21;  // doubles
    std::vector<Panel> all;
    for (const PlanLayer& layer : plan.layers) {
        for (index_t q = 0; layer.h > 0 && q < layer.k; ++q) {
            const index_t first = layer.offset + q * layer.h, last = first + layer.h;
            if (!all.empty() && Panel{all.back().first, last}.size() <= most) {
                all.back().last = last;
            } else {
                all.push_back({first, last});
            }
        }
    }
    return all;
}

}  // namespace

void compute_hessian_packed(const Plan& plan, const Batch& batch, Curvature kind,
                            VectorView<double> h, std::optional<int> n_threads) {
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    const std::vector<Panel> all = panels(plan);
    index_t most = 0;
    for (const Panel& panel : all) most = std::max(most, panel.size());
    need_memory(8.0 * static_cast<double>(most), text(asker.function, ": a panel of columns"),
                asker.remedy);
    const std::unique_ptr<double[]> values(new double[at(most)]);
    CurvatureBlocks curvatures(plan, batch, kind);
    if (all.size() > 1) curvatures.keep();
    for (const auto& [first, last] : all) {
        const MatrixView<double> columns{values.get(), last, last - first};
        const double elements = static_cast<double>(last) * static_cast<double>(last - first);
        const int threads = threads_for_elements(plan, batch, elements, n_threads);
        contract_rectangle(asker, curvatures, range(0, last), range(first, last), Part::upper,
                           columns, threads);
        parallel_for(last - first, threads, [&](index_t c) {
            const index_t j = first + c, column = j * (j + 1) / 2;
            for (index_t i = 0; i <= j; ++i) h[column + i] = columns(i, c);
            h[column + j] += penalty;
        });
    }
}

}  // namespace jacnet
