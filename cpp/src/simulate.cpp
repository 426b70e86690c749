/// Outputs of a network, and their performance.

#include <algorithm>
#include <cmath>
#include <limits>

#include "errors.hpp"
#include "jacnet/derivatives.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

void compute_outputs(Tape& tape, MatrixView<double> y, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const Batch& batch = tape.batch();
    const double flops = plan.forward_flops * static_cast<double>(batch.size());
    tape.for_each_block({}, threads_for(flops, n_threads), [&](index_t, const Block& block) {
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

namespace {

/// sqrt(EW) norm of one error, 0 where it does not count; `output` counts the network's outputs,
/// `i` its rows.
double error_scale(const Plan& plan, const Batch& batch, index_t position, index_t output,
                   index_t i) {
    const index_t q = batch.column(position);
    const index_t row = plan.outputs[static_cast<std::size_t>(output)].first_row + i;
    const bool counts = !std::isnan(batch.t[static_cast<std::size_t>(output)](i, q)) &&
                        !batch.unknown(position, output);
    return counts ? std::sqrt(error_weight(batch.ew, row, q)) * plan.norm()[row] : 0.0;
}

}  // namespace

void compute_error_scales(const Plan& plan, const Batch& batch, MatrixView<double> s) {
    constexpr index_t together = 4096;  // samples between interrupt checks
    parallel_for((batch.size() + together - 1) / together, 1, [&](index_t task) {
        const index_t last = std::min((task + 1) * together, batch.size());
        for (index_t position = task * together; position < last; ++position) {
            for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
                const PlanOutput& output = plan.outputs[o];
                for (index_t i = 0; i < output.rows; ++i) {
                    s(output.first_row + i, position) =
                        error_scale(plan, batch, position, static_cast<index_t>(o), i);
                }
            }
        }
    });
}

void compute_errors(Tape& tape, MatrixView<double> e, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const Batch& batch = tape.batch();
    const double flops = plan.forward_flops * static_cast<double>(batch.size());
    tape.for_each_block({}, threads_for(flops, n_threads), [&](index_t, const Block& block) {
        for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
            const PlanOutput& output = plan.outputs[o];
            const auto number = static_cast<index_t>(o);
            for (index_t z = 0; z < block.count; ++z) {
                const index_t position = block.first + z, q = batch.column(position);
                const bool unknown = batch.unknown(position, number);
                for (index_t i = 0; i < output.rows; ++i) {
                    const index_t row = output.first_row + i;
                    const double error = batch.t[o](i, q) - block.y[row * block.n + z];
                    e(row, position) = unknown || std::isnan(error)
                                           ? 0.0
                                           : error_scale(plan, batch, position, number, i) * error;
                }
            }
        }
    });
}

double compute_performance(Tape& tape, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const Batch& batch = tape.batch();
    const double flops = plan.forward_flops * static_cast<double>(batch.size());
    Workspace work;
    double* sums = work.doubles(tape.n_blocks());
    tape.for_each_block({}, threads_for(flops, n_threads), [&](index_t b, Block& block) {
        load_targets(plan, batch, block, 1.0);
        sums[b] = block_loss(plan, block);
    });
    double sum = 0.0;
    for (index_t b = 0; b < tape.n_blocks(); ++b) sum += sums[b];
    return data_scale(plan.performance, batch.counted) * sum +
           weight_penalty(plan.performance, plan.wb(), plan.n_parameters);
}

void simulate(const Network& net, const std::vector<MatrixView<const double>>& x,
              MatrixView<double> y, std::optional<int> n_threads) {
    const Plan plan(net, "sim", Parameters::borrowed);
    const Samples samples{.x = x, .t = {}};
    const Batch batch(plan, samples, "sim", Batch::UnknownInputs::allowed);
    check_out("sim", y, plan.n_outputs, batch.size());
    Tape tape(plan, batch, false);
    compute_outputs(tape, y, n_threads);
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
            if (q % 4096 == 0) detail::poll_interrupt();
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
