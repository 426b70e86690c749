/// Blocks of samples, their passes forward, and what they are compared with.

#include "passes.hpp"

#include <algorithm>
#include <cmath>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

Slope slope_of(const Plan& plan, const Block& block, index_t l) {
    const LayerTape& tape = block.layers[l];
    return {plan.layers[at(l)].matrix_slope, tape.a, tape.d1, block.n, block.n};
}

Block make_block(const Plan& plan, index_t first, index_t count, Order order, Workspace& work) {
    Block block;
    block.first = first;
    block.count = count;
    block.n = round_up(count, lanes);
    block.layers = work.array<LayerTape>(plan.n_layers());
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        LayerTape tape;
        tape.u = work.doubles(block.n * layer.k_all);
        tape.s = work.doubles(block.n * layer.h);
        // An output is made where its first reader has it among its sources.
        tape.a = layer.successors.empty() ? work.doubles(block.n * layer.h)
                                          : block.layers[layer.successors[0].layer].u +
                                                layer.successors[0].column * block.n;
        block.layers[l] = tape;
    }
    reserve_slopes(plan, block, order, work);
    block.y = work.doubles(block.n * plan.n_outputs);
    return block;
}

void reserve_slopes(const Plan& plan, Block& block, Order order, Workspace& work) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        LayerTape& tape = block.layers[l];
        const index_t size = block.n * plan.layers[at(l)].h;
        if (order >= Order::slope && !tape.d1) tape.d1 = work.doubles(size);
        if (order >= Order::curvature && !tape.d2) tape.d2 = work.doubles(size);
    }
}

void reserve_targets(const Plan& plan, Block& block, Workspace& work) {
    block.t = work.doubles(block.n * plan.n_outputs);
    block.w = work.doubles(block.n * plan.n_outputs);
}

void reserve_gradient(const Plan& plan, Block& block, Workspace& work) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        LayerTape& tape = block.layers[l];
        const index_t size = block.n * plan.layers[at(l)].h;
        if (!tape.v) tape.v = work.doubles(size);
        if (!tape.g) tape.g = work.doubles(size);
    }
}

void reserve_sensitivities(const Plan& plan, Block& block, Workspace& work) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        double*& d = block.layers[l].d;
        if (!d) d = work.doubles(block.n * plan.layers[at(l)].h * plan.n_outputs);
    }
}

namespace {

/// Samples that do not lie side by side into lanes; the padding repeats the last one.
void gather_each(const Batch& batch, const MatrixView<const double>& x, const Block& block,
                 const LaneMatrix& lane_x) {
    for (index_t first = 0; first < block.n; first += lanes) {  // whole cache lines are written
        const double* columns[lanes];
        for (index_t z = 0; z < lanes; ++z) {
            const index_t position = std::min(first + z, block.count - 1) + block.first;
            columns[z] = x.data + batch.column(position) * x.col_stride;
        }
        for (index_t i = 0; i < x.rows; ++i) {
            double* to = lane_x.row(i) + first;
            for (index_t z = 0; z < lanes; ++z) to[z] = columns[z][i * x.row_stride];
        }
    }
}

/// Raw samples of one input into lanes; the padding repeats the last one.
void gather(const Batch& batch, const MatrixView<const double>& x, const Block& block,
            const LaneMatrix& lane_x) {
    const double* from = x.data + block.first * x.col_stride;
    const bool in_order = batch.indices.empty();
    if (in_order && x.col_stride == 1) {  // samples of a row lie side by side
        for (index_t i = 0; i < x.rows; ++i) {
            std::copy_n(from + i * x.row_stride, block.count, lane_x.row(i));
        }
    } else if (in_order && x.row_stride == 1 && x.rows >= lanes) {  // rows of a sample do
        kernel_table().transpose(x.rows, block.count, from, x.col_stride, lane_x.data, lane_x.ld);
    } else {
        gather_each(batch, x, block, lane_x);
        return;
    }
    for (index_t i = 0; i < x.rows; ++i) {
        double* end = lane_x.row(i) + block.count;
        std::fill(end, lane_x.row(i) + block.n, end[-1]);
    }
}

/// Where the first layer that reads an input has it among its sources; null where none does.
double* among_sources(const Plan& plan, const Block& block, index_t input) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        for (const Feed& feed : plan.layers[at(l)].feeds) {
            if (feed.kind == SourceKind::input && feed.source == input) {
                return block.layers[l].u + feed.column * block.n;
            }
        }
    }
    return nullptr;
}

/// Processed inputs; what is still unknown becomes 0, its outputs don't count.
LaneMatrix processed_input(const Plan& plan, const Batch& batch, std::size_t j, const Block& block,
                           Workspace& work) {
    const Processing& processing = plan.inputs[j].processing;
    const index_t rows = batch.x[j].rows;
    double* place =
        changes(processing) ? nullptr : among_sources(plan, block, static_cast<index_t>(j));
    const LaneMatrix raw{place ? place : work.doubles(rows * block.n), block.n, rows, block.n};
    gather(batch, batch.x[j], block, raw);
    const LaneMatrix x = apply(processing, raw, work);
    for (index_t i = 0; batch.has_unknown() && i < x.rows; ++i) {
        for (index_t z = 0; z < x.n; ++z) x.row(i)[z] = std::isnan(x.row(i)[z]) ? 0.0 : x.row(i)[z];
    }
    return x;
}

}  // namespace

void forward(const Plan& plan, const Batch& batch, Block& block, Order order) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    const double** inputs = work.array<const double*>(static_cast<index_t>(plan.inputs.size()));
    for (std::size_t j = 0; j < plan.inputs.size(); ++j) {
        inputs[j] = processed_input(plan, batch, j, block, work).data;
    }
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        for (const Feed& feed : layer.feeds) {
            double* columns = tape.u + feed.column * n;
            if (feed.kind == SourceKind::bias) {
                kernels.fill(n, 1.0, columns, false);
                continue;
            }
            const double* from =
                feed.kind == SourceKind::input ? inputs[feed.source] : block.layers[feed.source].a;
            if (from != columns) std::copy_n(from, feed.width * n, columns);
        }
        kernels.layer_product(n, layer.h, layer.k_all, tape.u, n, plan.theta(l), 1, layer.h, tape.s,
                              n, false);
        kernels.transfer(layer.transfer, n, layer.h, tape.s, n, tape.a, n,
                         order >= Order::slope ? tape.d1 : nullptr,
                         order >= Order::curvature ? tape.d2 : nullptr, n);
    }
}

void raw_outputs(const Plan& plan, const Block& block) {
    const index_t n = block.n;
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        Workspace work;
        const LaneMatrix a{block.layers[output.layer].a, n, plan.layers[at(output.layer)].h, n};
        const LaneMatrix y = reverse(plan.output_processing[o], a, work);
        std::copy_n(y.data, output.rows * n, block.y + output.first_row * n);
    }
}

void add_slopes(const Plan& plan, Block& block, Order order) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        // Outputs are made anew with them, to the same bits.
        kernel_table().transfer(layer.transfer, block.n, layer.h, tape.s, block.n, tape.a, block.n,
                                order >= Order::slope ? tape.d1 : nullptr,
                                order >= Order::curvature ? tape.d2 : nullptr, block.n);
    }
}

namespace {

/// Slopes of a loss from outside in place of the targets; outputs made unknown don't count.
void load_loss(const Plan& plan, const Batch& batch, Block& block) {
    block.loss = &batch.loss;
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        for (index_t m = output.first_row; m < output.first_row + output.rows; ++m) {
            for (index_t z = 0; z < block.n; ++z) {
                const index_t position = block.first + z;
                const bool counts =
                    z < block.count && !batch.unknown(position, static_cast<index_t>(o));
                block.t[m * block.n + z] = counts ? batch.loss.slope(m, position) : 0.0;
                block.w[m * block.n + z] = counts ? 1.0 : 0.0;
            }
        }
    }
}

/// A value for the samples of a block, zeros for its padding.
void fill_samples(const Block& block, double value, double* row) {
    kernel_table().fill(block.count, value, row, false);
    std::fill(row + block.count, row + block.n, 0.0);
}

}  // namespace

void load_targets(const Plan& plan, const Batch& batch, Block& block, double scale) {
    if (plan.own_loss) {
        load_loss(plan, batch, block);
        return;
    }
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        const auto& targets = batch.t[o];
        for (index_t i = 0; i < output.rows; ++i) {
            const index_t row = output.first_row + i;
            double* t = block.t + row * block.n;
            double* w = block.w + row * block.n;
            if (batch.plain() && targets.col_stride == 1) {
                const double* from = targets.data + i * targets.row_stride + block.first;
                std::fill(std::copy_n(from, block.count, t), t + block.n, 0.0);
                fill_samples(block, scale, w);
                continue;
            }
            for (index_t z = 0; z < block.n; ++z) {
                t[z] = w[z] = 0.0;
                if (z >= block.count) continue;
                const index_t position = block.first + z;
                const index_t q = batch.column(position);
                if (std::isnan(targets(i, q)) || batch.unknown(position, static_cast<index_t>(o))) {
                    continue;
                }
                t[z] = targets(i, q);
                w[z] = error_weight(batch.ew, row, q) * scale;
            }
        }
    }
}

void load_error_scales(const Plan& plan, const Batch& batch, const Block& block, index_t m,
                       double factor, double* scales) {
    const double norm = factor * plan.norm()[m];
    if (batch.plain()) {
        fill_samples(block, norm, scales);
        return;
    }
    const double* w = block.w + m * block.n;
    for (index_t z = 0; z < block.n; ++z) scales[z] = norm * std::sqrt(w[z]);
}

Block forward_block(const Plan& plan, const Batch& batch, index_t first, index_t count, Order order,
                    double scale, Workspace& work) {
    Block block = make_block(plan, first, count, order, work);
    reserve_targets(plan, block, work);
    reserve_gradient(plan, block, work);
    forward(plan, batch, block, order);
    raw_outputs(plan, block);
    load_targets(plan, batch, block, scale);
    return block;
}

LossLanes loss_lanes(const Plan& plan, const Block& block, const PlanOutput& output) {
    const LayerTape& tape = block.layers[output.layer];
    const index_t shift = output.first_row * block.n;
    return {block.n,         output.rows,
            block.n,         block.y + shift,
            tape.s,          tape.a,
            block.t + shift, block.w + shift,
            block.n,         plan.norm() + output.first_row,
            output.rows == 1};
}

double block_loss(const Plan& plan, const Block& block) {
    double sum = 0.0;
    for (const PlanOutput& output : plan.outputs) {
        sum +=
            loss_value(plan.performance.function, loss_form(plan, output, Objective::performance),
                       loss_lanes(plan, block, output));
    }
    return sum;
}

}  // namespace jacnet
