#include "gram_operands.hpp"

#include <cmath>

#include "memory.hpp"

namespace jacnet::gram {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

Shape::Shape(const Plan& plan_, GramForm form_)
    : plan(plan_), form(form_), kinds_(plan.layers.size(), Kind::general) {
    outputs = form == GramForm::full ? plan.n_outputs : 1;
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        if (layer.transfer == Transfer::purelin && layer.successors.empty() && layer.output >= 0 &&
            plan.outputs[at(layer.output)].linear.diagonal) {
            kinds_[l] = Kind::diagonal;
        }
    }
    constexpr index_t most_outputs = 12;  // of which 16 samples, a panel, make a tile
    find_scaled(outputs <= most_outputs);
    choose_chunk();
}

void Shape::find_scaled(bool wanted) {
    factors_.resize(plan.layers.size());
    for (std::size_t l = 0; wanted && l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        const auto linear = [&](const Successor& s) { return kind(s.layer) == Kind::diagonal; };
        if (layer.matrix_slope || layer.output >= 0 || layer.successors.empty() ||
            !std::all_of(layer.successors.begin(), layer.successors.end(), linear)) {
            continue;
        }
        kinds_[l] = Kind::scaled;
        factors_[l].assign(at(plan.n_outputs * layer.h), 0.0);
        for (const Successor& s : layer.successors) {
            const PlanOutput& output = plan.outputs[at(plan.layers[at(s.layer)].output)];
            for (index_t i = 0; i < layer.h; ++i) {
                for (index_t m = 0; m < output.rows; ++m) {
                    factors_[l][at((output.first_row + m) * layer.h + i)] =
                        output.linear(m, m) * plan.weights(s)[m + i * output.rows];
                }
            }
        }
    }
}

/// Two tiles and their operands fit into 1 MiB; of scaled layers alone one tile and whole panels.
void Shape::choose_chunk() {
    const index_t rows = has(Kind::general) || outputs == 1 ? 192 : 330;
    chunk = std::clamp(rows / std::max(outputs, index_t{1}), index_t{1}, index_t{96});
    if (has(Kind::scaled) && outputs > 1) chunk = chunk / 16 * 16;
}

double Shape::norm(index_t l, index_t i) const {
    double sum = 0.0;
    for (index_t m = 0; m < plan.n_outputs; ++m) sum += factors(l, m)[i] * factors(l, m)[i];
    return std::sqrt(sum);
}

Side::Side(const Shape& shape, Tape& tape, int n_threads, Workspace& work)
    : shape_(shape), count_(tape.batch().size()) {
    double doubles = 0.0;
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        doubles +=
            static_cast<double>(shape.plan.layers[at(l)].k + shape.features(l) * shape.rows(l)) *
            static_cast<double>(count_);
    }
    need_memory(24.0 * doubles, "gram: the sensitivities of all samples",
                "take fewer samples at a time (samples=, or ntk of two parts)");
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        u_.push_back(work.doubles(count_ * shape.plan.layers[at(l)].k));
        d_.push_back(work.doubles(count_ * shape.features(l) * shape.rows(l)));
    }
    const Needs needs{.order = Order::slope, .sensitivities = shape.has(Kind::general)};
    tape.for_each_block(needs, n_threads, [&](index_t, const Block& block) { copy(block); });
}

void Side::copy(const Block& block) {
    const Plan& plan = shape_.plan;
    const index_t outputs = shape_.outputs;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& from = block.layers[l];
        for (index_t c = 0; c < layer.k; ++c) {
            std::copy_n(from.u + c * block.n, block.count, u_[at(l)] + c * count_ + block.first);
        }
        const index_t features = shape_.features(l);
        if (shape_.kind(l) == Kind::scaled) {
            for (index_t i = 0; i < features; ++i) {
                const double norm = outputs > 1 ? 1.0 : shape_.norm(l, i);
                double* to = d_[at(l)] + i * count_ + block.first;
                for (index_t z = 0; z < block.count; ++z) to[z] = norm * from.d1[i * block.n + z];
            }
            continue;
        }
        for (index_t i = 0; i < features; ++i) {
            double* to = d_[at(l)] + (i * count_ + block.first) * outputs;
            for (index_t m = 0; m < outputs; ++m) {
                const double* run = from.d + (i + m * features) * block.n;
                for (index_t z = 0; z < block.count; ++z) to[z * outputs + m] = run[z];
            }
        }
    }
}

Operands Side::packed(Role role, int n_threads, Workspace& work) const {
    const Kernels& kernels = kernel_table();
    const index_t n_layers = shape_.plan.n_layers();
    const auto size = [&](index_t features, index_t rows) {
        return role == Role::left ? features * round_up(rows, kernels.panel_rows)
                                  : round_up(features * rows + 16, lanes);
    };
    Operands to;
    for (index_t l = 0; l < n_layers; ++l) {
        to.u_size.push_back(size(shape_.plan.layers[at(l)].k, shape_.chunk));
        to.d_size.push_back(size(shape_.features(l), shape_.chunk * shape_.rows(l)));
        to.u.push_back(work.doubles(to.u_size[at(l)] * n_chunks()));
        to.d.push_back(work.doubles(to.d_size[at(l)] * n_chunks()));
    }
    const auto pack = [&](index_t features, index_t rows, const double* a, index_t ld,
                          double* out) {
        if (role == Role::left) {
            kernels.pack_rows(features, rows, a, ld, out);
        } else {
            kernels.pack_columns(features, rows, 1.0, a, ld, out);
        }
    };
    parallel_for(n_layers * n_chunks(), n_threads, [&](index_t task) {
        const std::size_t l = at(task / n_chunks());
        const index_t c = task % n_chunks(), first = c * shape_.chunk, rows = samples(c);
        pack(shape_.plan.layers[l].k, rows, u_[l] + first, count_, to.u[l] + c * to.u_size[l]);
        const index_t m = shape_.rows(task / n_chunks());
        pack(shape_.features(task / n_chunks()), rows * m, d_[l] + first * m, count_ * m,
             to.d[l] + c * to.d_size[l]);
    });
    return to;
}

}  // namespace jacnet::gram
