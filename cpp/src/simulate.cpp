/// Outputs of a network, and their performance.

#include <cmath>
#include <limits>

#include "errors.hpp"
#include "jacnet/derivatives.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Samples whose forward pass one task makes.
constexpr index_t block_samples = 256;

/// Calls body(task, block) after a forward pass over each fixed block of samples.
template <class Body>
void for_each_block(const Plan& plan, const Batch& batch, std::optional<int> n_threads,
                    bool targets, Body&& body) {
    const index_t n_blocks = (batch.size() + block_samples - 1) / block_samples;
    const double flops = plan.forward_flops * static_cast<double>(batch.size());
    parallel_for(n_blocks, threads_for(flops, n_threads), [&](index_t task) {
        Workspace work;
        const index_t first = task * block_samples;
        const index_t count = std::min(block_samples, batch.size() - first);
        Block block = make_block(plan, first, count, Order::value, work);
        if (targets) reserve_gradient(plan, block, work);
        forward(plan, batch, block, Order::value);
        body(task, block);
    });
}

}  // namespace

void compute_outputs(const Plan& plan, const Batch& batch, MatrixView<double> y,
                     std::optional<int> n_threads) {
    for_each_block(plan, batch, n_threads, false, [&](index_t, const Block& block) {
        for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
            const PlanOutput& output = plan.outputs[o];
            for (index_t z = 0; z < block.count; ++z) {
                const bool unknown = batch.unknown(block.first + z, static_cast<index_t>(o));
                for (index_t i = output.first_row; i < output.first_row + output.rows; ++i) {
                    y(i, block.first + z) = unknown ? std::numeric_limits<double>::quiet_NaN()
                                                    : block.y[i * block.n + z];
                }
            }
        }
    });
}

double compute_performance(const Plan& plan, const Batch& batch, std::optional<int> n_threads) {
    const double scale = data_scale(plan.performance, batch.counted);
    const index_t n_blocks = (batch.size() + block_samples - 1) / block_samples;
    std::vector<double> sums(static_cast<std::size_t>(n_blocks));
    for_each_block(plan, batch, n_threads, true, [&](index_t task, Block& block) {
        load_targets(plan, batch, block, 1.0);
        sums[static_cast<std::size_t>(task)] = block_loss(plan, block);
    });
    double sum = 0.0;
    for (const double block : sums) sum += block;
    return scale * sum + weight_penalty(plan.performance, plan.wb(), plan.n_parameters);
}

void simulate(const Network& net, const std::vector<MatrixView<const double>>& x,
              MatrixView<double> y, std::optional<int> n_threads) {
    const Plan plan(net, "sim", Parameters::borrowed);
    const Samples samples{.x = x, .t = {}};
    const Batch batch(plan, samples, "sim", Batch::UnknownInputs::allowed);
    if (y.rows != plan.n_outputs || y.cols != batch.size()) {
        refuse("sim: out has shape (", y.rows, ", ", y.cols, "), expected (", plan.n_outputs, ", ",
               batch.size(), ")");
    }
    compute_outputs(plan, batch, y, n_threads);
}

double perform(const Network& net, MatrixView<const double> t, MatrixView<const double> y,
               MatrixView<const double> ew) {
    const Plan plan(net, "perform", Parameters::borrowed);
    if (y.rows != plan.n_outputs) {
        refuse("perform: y has shape (", y.rows, ", ", y.cols, "), expected ", plan.n_outputs,
               " rows (the network's outputs)",
               y.cols == plan.n_outputs ? "; samples are columns: pass y.T" : "");
    }
    if (t.rows != y.rows || t.cols != y.cols) {
        refuse("perform: t has shape (", t.rows, ", ", t.cols, "), expected that of y, (", y.rows,
               ", ", y.cols, ")",
               t.rows == y.cols && t.cols == y.rows ? "; samples are columns: pass t.T" : "");
    }
    check_error_weights("perform", ew, plan.n_outputs, t.cols);
    index_t counted = 0;
    double sum = 0.0;
    for (const PlanOutput& output : plan.outputs) {
        for (index_t q = 0; q < t.cols; ++q) {
            for (index_t i = output.first_row; i < output.first_row + output.rows; ++i) {
                const double target = t(i, q), value = y(i, q);
                if (std::isinf(target) || std::isinf(value)) {
                    refuse("perform: ", std::isinf(target) ? "t[" : "y[", i, ", ", q,
                           "] is infinite; values must be finite (NaN means don't care)");
                }
                if (std::isnan(target) || std::isnan(value)) continue;
                ++counted;
                const double w = error_weight(ew, i, q);
                LossLanes element{1,       1,       1,  &value, nullptr,
                                  nullptr, &target, &w, 1,      plan.norm() + i};
                element.binary = output.rows == 1;
                sum += loss_value(plan.performance.function, LossForm::output, element);
            }
        }
    }
    return data_scale(plan.performance, counted) * sum +
           weight_penalty(plan.performance, plan.wb(), plan.n_parameters);
}

}  // namespace jacnet
