/// Fisher information of the parameters. Expected under the model of the outputs it is the
/// (generalised) Gauss-Newton matrix: Amari (1998), "Natural gradient works efficiently in
/// learning"; Martens (2020), "New insights and perspectives on the natural gradient method". The
/// empirical one averages over the targets at hand: sum_n kron(u_l u_k', g_l g_k') / tau.

#include <algorithm>
#include <cmath>

#include "contraction.hpp"
#include "errors.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Refuses outputs under which the performance is no negative log-likelihood whose curvature at the
/// outputs is known without the targets.
void need_model(const Plan& plan) {
    if (plan.own_loss) {
        refuse(
            "fisher: the model behind a loss of one's own is not known; use gauss_newton or "
            "empirical_fisher");
    }
    switch (plan.performance.function) {
        case Performance::mse:
        case Performance::sse:
            return;
        case Performance::mae:
        case Performance::sae:
            refuse("fisher: the performance function is ", name(plan.performance.function),
                   ", expected mse, sse (Gaussian targets) or crossentropy; use empirical_fisher");
        case Performance::crossentropy:
            break;
    }
    for (const PlanOutput& output : plan.outputs) {
        const LossForm form = loss_form(plan, output, Objective::performance);
        const bool bernoulli = form == LossForm::logsig_entropy && output.rows == 1;
        if (form == LossForm::softmax_entropy || bernoulli) continue;
        refuse("fisher: crossentropy of an output of ", output.rows, " rows from ",
               name(plan.layers[static_cast<std::size_t>(output.layer)].transfer),
               ", expected softmax, or one row of logsig, without processing, whose values are the "
               "probabilities of a distribution; use gauss_newton or empirical_fisher");
    }
}

/// The performance is this factor times the negative log-likelihood.
double likelihood_scale(const Plan& plan, const Batch& batch) {
    if (plan.own_loss) return 1.0;
    const bool squares = plan.performance.function == Performance::mse ||
                         plan.performance.function == Performance::sse;
    return (squares ? 2.0 : 1.0) * data_scale(plan.performance, batch.counted);
}

/// A block whose g are multiplied by `factor`.
Block scaled_gradients(const Plan& plan, const Batch& batch, index_t first, index_t count,
                       double factor, Workspace& work) {
    const double scale = data_scale(plan.performance, batch.counted);
    Block block = forward_block(plan, batch, first, count, Order::slope, scale, work);
    backward(plan, block, Objective::performance);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const index_t size = block.n * plan.layers[static_cast<std::size_t>(l)].h;
        kernel_table().scale(size, block.layers[l].g, factor, block.layers[l].g, false);
    }
    return block;
}

/// Columns of weight zero, where nothing counts.
double root_of_inverse(double scale) { return scale > 0.0 ? 1.0 / std::sqrt(scale) : 0.0; }

constexpr index_t chunk = 64;

void contract_slopes(const Plan& plan, const Batch& batch, double* f, index_t ld,
                     std::optional<int> requested) {
    const index_t p = plan.n_parameters;
    const double flops =
        static_cast<double>(p) * static_cast<double>(p) * static_cast<double>(batch.size() + 2);
    const int n_threads = threads_for(flops, requested);
    const double factor = root_of_inverse(likelihood_scale(plan, batch));
    for (index_t j = 0; batch.size() == 0 && j < p; ++j) std::fill_n(f + j * ld, p, 0.0);
    Workspace work;
    Contraction contraction(plan, Curvature::gauss_newton, Route::columns, Precision::float64, ld,
                            work);
    const index_t step = contraction.block_lanes();
    for (index_t first = 0; first < batch.size(); first += step) {
        const index_t count = std::min(step, batch.size() - first);
        Workspace own;
        contraction.reserve(round_up(count, lanes), own);
        parallel_for((count + chunk - 1) / chunk, n_threads, [&](index_t task) {
            Workspace scratch;
            const index_t begin = task * chunk;
            Block block = scaled_gradients(plan, batch, first + begin,
                                           std::min(chunk, count - begin), factor, scratch);
            for (index_t l = 0; l < plan.n_layers(); ++l) {
                block.layers[l].d = block.layers[l].g;  // one column per sample: its gradient
            }
            contraction.take(begin, block, nullptr);
        });
        contraction.contract(f, first > 0, n_threads);
    }
    mirror_triangle(p, f, ld, n_threads);
}

}  // namespace

void compute_fisher(const Plan& plan, const Batch& batch, Fisher kind, MatrixView<double> f,
                    std::optional<int> n_threads) {
    if (kind == Fisher::expected) need_model(plan);
    const char* function = kind == Fisher::expected ? "fisher" : "empirical_fisher";
    with_symmetric_target(function, f, [&](double* data, index_t ld) {
        if (kind == Fisher::empirical) {
            contract_slopes(plan, batch, data, ld, n_threads);
            return;
        }
        contract_curvature(plan, batch, Objective::performance, Curvature::gauss_newton,
                           data_scale(plan.performance, batch.counted), data, ld, nullptr,
                           n_threads);
    });
}

void compute_fisher_diagonal(const Plan& plan, const Batch& batch, Fisher kind, double* d,
                             std::optional<int> requested) {
    if (kind == Fisher::expected) {
        need_model(plan);
        compute_curvature_diagonal(plan, batch, Curvature::gauss_newton, d, requested);
        return;
    }
    const double flops = 4.0 * plan.forward_flops * static_cast<double>(batch.size());
    const double factor = root_of_inverse(likelihood_scale(plan, batch));
    sum_over_chunks(plan, batch, chunk, threads_for(flops, requested), d,
                    [&](index_t first, index_t count, double* sum) {
                        Workspace work;
                        const Block block =
                            scaled_gradients(plan, batch, first, count, factor, work);
                        for (index_t l = 0; l < plan.n_layers(); ++l) {
                            const PlanLayer& layer = plan.layers[static_cast<std::size_t>(l)];
                            const LayerTape& own = block.layers[l];
                            Workspace scratch;
                            double* u = scratch.doubles(block.n * layer.k);
                            double* g = scratch.doubles(block.n * layer.h);
                            kernel_table().multiply(block.n * layer.k, own.u, own.u, u, false);
                            kernel_table().multiply(block.n * layer.h, own.g, own.g, g, false);
                            kernel_table().sum_over_lanes(block.n, layer.h, layer.k, g, block.n, u,
                                                          block.n, sum + layer.offset, layer.h);
                        }
                    });
}

}  // namespace jacnet
