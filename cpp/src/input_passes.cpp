#include "input_passes.hpp"

#include <algorithm>

#include "output_map.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

index_t first_row(const Plan& plan, index_t input) {
    index_t row = 0;
    for (index_t j = 0; j < input; ++j) row += plan.input_linear[at(j)].cols;
    return row;
}

/// out (h x cols) += theta (h x rows) times the linear part (rows x cols).
void add_weights(index_t h, const double* theta, const LinearPart& linear, double* out) {
    for (index_t r = 0; r < linear.cols; ++r) {
        for (index_t i = 0; i < linear.rows; ++i) {
            const double gain = linear(i, r);
            if (gain == 0.0) continue;
            for (index_t j = 0; j < h; ++j) out[j + r * h] += theta[j + i * h] * gain;
        }
    }
}

}  // namespace

InputWeights::InputWeights(const Plan& plan, Workspace& work)
    : weights_(work.array<const double*>(plan.n_layers())) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        double* own = nullptr;
        weights_[l] = nullptr;
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::input) continue;
            const LinearPart& linear = plan.input_linear[at(feed.source)];
            const double* theta = plan.theta(l) + feed.column * layer.h;
            if (plan.inputs.size() == 1 && linear.is_identity()) {
                weights_[l] = theta;
                break;
            }
            if (!own) {
                own = work.doubles(layer.h * plan.n_inputs);
                std::fill_n(own, layer.h * plan.n_inputs, 0.0);
            }
            add_weights(layer.h, theta, linear, own + first_row(plan, feed.source) * layer.h);
            weights_[l] = own;
        }
    }
}

Adjoint reserve_adjoint(const Plan& plan, index_t n, Workspace& work) {
    const Adjoint to{work.array<double*>(plan.n_layers()), work.array<double*>(plan.n_layers())};
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        to.v[l] = work.doubles(n * plan.layers[at(l)].h);
        to.d[l] = work.doubles(n * plan.layers[at(l)].h);
    }
    return to;
}

namespace {

/// v and d of every layer; seed(output, v) adds what an output starts from.
template <class Seed>
void pass_back(const Plan& plan, const Block& block, const Adjoint& to, Seed&& seed) {
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        back_through(plan, layer, n, to.v[l], [&](index_t s) { return to.d[s]; });
        if (layer.output >= 0) seed(plan.outputs[at(layer.output)], to.v[l]);
        kernel_table().slope_backward(slope_of(plan, block, l), n, layer.h, to.v[l], n, to.d[l], n);
    }
}

}  // namespace

void adjoint_of_output(const Plan& plan, const Block& block, index_t m, const Adjoint& to) {
    pass_back(plan, block, to, [&](const PlanOutput& output, double* v) {
        const index_t row = m - output.first_row;
        if (row >= 0 && row < output.rows) add_gains(output, row, block.n, v);
    });
}

void adjoint_of_sum(const Plan& plan, const Block& block, const double* u, const Adjoint& to) {
    pass_back(plan, block, to, [&](const PlanOutput& output, double* v) {
        add_to_layer(output, block.n, u + output.first_row * block.n, v);
    });
}

void back_to_inputs(const Plan& plan, const InputWeights& weights, index_t n,
                    const double* const* d, double* dx) {
    bool accumulate = false;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        if (!weights.of(l)) continue;
        const index_t h = plan.layers[at(l)].h;
        kernel_table().layer_product(n, plan.n_inputs, h, d[l], n, weights.of(l), h, 1, dx, n,
                                     accumulate);
        accumulate = true;
    }
    if (!accumulate) std::fill_n(dx, n * plan.n_inputs, 0.0);
}

Bends bends_of(const Plan& plan) {
    Bends result{std::vector<char>(plan.layers.size(), 0),
                 std::vector<char>(plan.layers.size(), 0)};
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        result.own[at(l)] = bends(plan.layers[at(l)].transfer);
        for (const Successor& s : plan.layers[at(l)].successors) {
            if (result.moves(s.layer)) result.after[at(l)] = 1;
        }
    }
    return result;
}

namespace {

/// s += the moves of the layers that layer l reads, in every direction.
void add_moves(const Plan& plan, index_t l, index_t n, const Tangents& moves, double* s,
               bool accumulate) {
    const PlanLayer& layer = plan.layers[at(l)];
    for (const Feed& feed : layer.feeds) {
        if (feed.kind != SourceKind::layer) continue;
        for (index_t c = 0; c < moves.count; ++c) {
            kernel_table().layer_product(n, layer.h, feed.width,
                                         moves.a[feed.source] + c * feed.width * n, n,
                                         plan.theta(l) + feed.column * layer.h, 1, layer.h,
                                         s + c * layer.h * n, n, accumulate);
        }
        accumulate = true;
    }
    if (!accumulate) std::fill_n(s, n * layer.h * moves.count, 0.0);
}

void fill_runs(index_t n, index_t runs, const double* values, double* out) {
    for (index_t i = 0; i < runs; ++i) std::fill_n(out + i * n, n, values ? values[i] : 0.0);
}

/// a = F s, in every direction.
void move_outputs(const Plan& plan, const Block& block, index_t l, index_t count, const double* s,
                  double* a) {
    const index_t h = plan.layers[at(l)].h, n = block.n;
    for (index_t c = 0; c < count; ++c) {
        kernel_table().slope_forward(slope_of(plan, block, l), n, h, s + c * h * n, n,
                                     a + c * h * n, n);
    }
}

}  // namespace

Tangents carry_direction(const Plan& plan, const InputWeights& weights, const Block& block,
                         const double* v, Workspace& work) {
    const index_t n = block.n;
    const Tangents moves{1, work.array<double*>(plan.n_layers()),
                         work.array<double*>(plan.n_layers())};
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const index_t h = plan.layers[at(l)].h;
        moves.s[l] = work.doubles(n * h);
        moves.a[l] = work.doubles(n * h);
        if (weights.of(l)) {
            kernel_table().layer_product(n, h, plan.n_inputs, v, n, weights.of(l), 1, h, moves.s[l],
                                         n, false);
        }
        add_moves(plan, l, n, moves, moves.s[l], weights.of(l) != nullptr);
        move_outputs(plan, block, l, 1, moves.s[l], moves.a[l]);
    }
    return moves;
}

Tangents carry_units(const Plan& plan, const InputWeights& weights, const Bends& bends,
                     const Block& block, Workspace& work) {
    const index_t n = block.n, count = plan.n_inputs;
    const Tangents moves{count, work.array<double*>(plan.n_layers()),
                         work.array<double*>(plan.n_layers())};
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const index_t runs = layer.h * count;
        moves.s[l] = moves.a[l] = nullptr;
        if (!bends.moves(l)) continue;
        if (!layer.reads_layers() && !layer.matrix_slope) {
            if (!bends.after[at(l)]) continue;
            moves.a[l] = work.doubles(n * runs);
            const double* constant = weights.of(l);
            if (!constant) std::fill_n(moves.a[l], n * runs, 0.0);
            for (index_t i = 0; constant && i < runs; ++i) {
                kernel_table().scale(n, block.layers[l].d1 + i % layer.h * n, constant[i],
                                     moves.a[l] + i * n, false);
            }
            continue;
        }
        moves.s[l] = work.doubles(n * runs);
        if (weights.of(l)) fill_runs(n, runs, weights.of(l), moves.s[l]);
        add_moves(plan, l, n, moves, moves.s[l], weights.of(l) != nullptr);
        if (bends.after[at(l)]) {
            moves.a[l] = work.doubles(n * runs);
            move_outputs(plan, block, l, count, moves.s[l], moves.a[l]);
        }
    }
    return moves;
}

double unit_doubles(const Plan& plan, const Bends& bends) {
    double runs = 0.0;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        if (!bends.moves(l)) continue;
        const bool alike = !layer.reads_layers() && !layer.matrix_slope;
        runs +=
            static_cast<double>(layer.h) * ((alike ? 0.0 : 1.0) + (bends.after[at(l)] ? 1.0 : 0.0));
    }
    return runs * static_cast<double>(plan.n_inputs);
}

void apply_curvature(const Plan& plan, const Block& block, index_t l, const double* v,
                     index_t count, const double* s, double* out) {
    const Kernels& kernels = kernel_table();
    const index_t h = plan.layers[at(l)].h, n = block.n;
    const LayerTape& tape = block.layers[l];
    Workspace work;
    if (!plan.layers[at(l)].matrix_slope) {
        double* weight = work.doubles(n * h);
        kernels.multiply(n * h, tape.d2, v, weight, false);
        for (index_t c = 0; c < count; ++c) {
            kernels.multiply(n * h, weight, s + c * h * n, out + c * h * n, false);
        }
        return;
    }
    double* k = work.doubles(n * h * h);
    std::fill_n(k, n * h * h, 0.0);
    kernels.add_curvature(slope_of(plan, block, l), tape.d2, n, h, v, n, k, n);
    kernels.lane_products(n, h, count, h, k, s, out, false, false);
}

Block curved_block(const Plan& plan, const Batch& batch, index_t first, index_t count,
                   Workspace& work) {
    Block block = make_block(plan, first, count, Order::curvature, work);
    forward(plan, batch, block, Order::curvature);
    return block;
}

index_t curved_block_samples(const Plan& plan, double doubles) {
    constexpr double cached = 65536.0;
    for (const PlanLayer& layer : plan.layers) {
        doubles += static_cast<double>(layer.k_all + 6 * layer.h);
    }
    const double fitting = std::min(cached / (doubles + 1.0), 64.0);
    return std::max(static_cast<index_t>(fitting) / lanes * lanes, lanes);
}

void load_lanes(const std::vector<MatrixView<const double>>& arrays, const Block& block,
                double* out) {
    for (const auto& array : arrays) {
        for (index_t i = 0; i < array.rows; ++i, out += block.n) {
            for (index_t z = 0; z < block.count; ++z) out[z] = array(i, block.first + z);
            std::fill(out + block.count, out + block.n, 0.0);
        }
    }
}

}  // namespace jacnet
