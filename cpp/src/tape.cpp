#include "tape.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Checks an array's finiteness; returns whether it holds a NaN.
bool has_nan(const MatrixView<const double>& data, const char* function, const char* what) {
    bool nan = false;
    const index_t together =
        std::max(index_t{1}, (index_t{1} << 16) / std::max(data.rows, index_t{1}));
    for (index_t q = 0; q < data.cols; ++q) {
        if (q % together == 0) detail::poll_interrupt();
        for (index_t i = 0; i < data.rows; ++i) {
            const double value = data(i, q);
            if (std::isfinite(value)) continue;
            if (std::isinf(value)) {
                refuse(function, ": ", what, "[", i, ", ", q, "] is ", value,
                       "; values must be finite (NaN means unknown)");
            }
            nan = true;
        }
    }
    return nan;
}

void check_shape(const char* function, const char* what, const MatrixView<const double>& data,
                 index_t rows, index_t cols) {
    if (data.rows == rows && data.cols == cols) return;
    const bool turned = data.rows == cols && data.cols == rows;
    refuse(function, ": ", what, " has shape (", data.rows, ", ", data.cols, "), expected (", rows,
           ", ", cols, ")", turned ? text("; samples are columns: pass ", what, ".T") : "");
}

std::string numbered(const char* what, std::size_t i, std::size_t n) {
    return n > 1 ? text(what, "[", i, "]") : std::string(what);
}

}  // namespace

void check_error_weights(const char* function, const MatrixView<const double>& ew, index_t rows,
                         index_t cols) {
    if (!ew.data) return;
    if ((ew.rows != 1 && ew.rows != rows) || (ew.cols != 1 && ew.cols != cols)) {
        refuse(function, ": ew has shape (", ew.rows, ", ", ew.cols, "), expected one weight, (1, ",
               cols, "), (", rows, ", 1) or (", rows, ", ", cols, ")",
               ew.rows == cols && ew.cols == rows ? "; samples are columns: pass ew.T" : "");
    }
    for (index_t q = 0; q < ew.cols; ++q) {
        for (index_t i = 0; i < ew.rows; ++i) {
            if (!std::isfinite(ew(i, q)) || ew(i, q) < 0.0) {
                refuse(function, ": ew[", i, ", ", q, "] is ", ew(i, q),
                       "; error weights must be finite and not negative");
            }
        }
    }
}

Batch::Batch(const Plan& plan, const Samples& samples, const char* function, UnknownInputs policy)
    : x(samples.x),
      t(samples.t),
      ew(samples.ew),
      n_outputs_(static_cast<index_t>(plan.outputs.size())) {
    if (x.size() != plan.inputs.size()) {
        refuse(function, ": x has ", x.size(), " arrays, but the network has ", plan.inputs.size(),
               " inputs");
    }
    const index_t total = !x.empty() ? x[0].cols : !t.empty() ? t[0].cols : 0;
    bool unknown_inputs = false;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const std::string what = numbered("x", j, x.size());
        const index_t rows = plan.inputs[j].size;
        if (x[j].rows != rows) {
            refuse(function, ": ", what, " has shape (", x[j].rows, ", ", x[j].cols, "), expected ",
                   rows, " rows (the network's inputs)",
                   x[j].cols == rows ? text("; samples are columns: pass ", what, ".T") : "");
        }
        check_shape(function, what.c_str(), x[j], rows, total);
        if (has_nan(x[j], function, what.c_str())) unknown_inputs = true;
    }
    if (!t.empty()) {
        if (t.size() != plan.outputs.size()) {
            refuse(function, ": t has ", t.size(), " arrays, but the network has ",
                   plan.outputs.size(), " outputs");
        }
        for (std::size_t o = 0; o < t.size(); ++o) {
            check_shape(function, "t", t[o], plan.outputs[o].rows, total);
            has_nan(t[o], function, "t");
        }
    }
    check_error_weights(function, ew, plan.n_outputs, total);
    size_ = total;
    if (samples.indices) {
        indices = *samples.indices;
        size_ = static_cast<index_t>(indices.size());
        for (const index_t index : indices) {
            if (index < 0 || index >= total) {
                throw std::out_of_range(text(function, ": samples holds the index ", index,
                                             ", but x has ", total, " samples"));
            }
        }
    }
    if (unknown_inputs) find_unknown(plan);
    if (policy == UnknownInputs::refused && t.empty() &&
        std::any_of(unknown_.begin(), unknown_.end(), [](char c) { return c != 0; })) {
        const auto first = std::find(unknown_.begin(), unknown_.end(), char{1}) - unknown_.begin();
        refuse(function, ": x has a NaN in sample ", column(first / n_outputs_),
               "; only functions with targets accept unknown inputs (as don't care)");
    }
    if (!t.empty()) count_targets(plan);
}

void Batch::find_unknown(const Plan& plan) {
    unknown_.assign(at(size_ * n_outputs_), 0);
    for (std::size_t j = 0; j < x.size(); ++j) {
        for (index_t position = 0; position < size_; ++position) {
            const index_t q = column(position);
            bool nan = false;
            for (index_t i = 0; i < x[j].rows; ++i) nan = nan || std::isnan(x[j](i, q));
            if (!nan) continue;
            Workspace work;  // processing may know what to do with unknown values
            LaneMatrix sample{work.doubles(x[j].rows * lanes), lanes, x[j].rows, lanes};
            for (index_t i = 0; i < x[j].rows; ++i) {
                std::fill_n(sample.row(i), lanes, x[j](i, q));
            }
            sample = apply(plan.inputs[j].processing, sample, work);
            nan = false;
            for (index_t i = 0; i < sample.rows; ++i) nan = nan || std::isnan(sample.row(i)[0]);
            for (index_t o = 0; nan && o < n_outputs_; ++o) {
                if (plan.graph().reaches(static_cast<index_t>(j), o))
                    unknown_[at(position * n_outputs_ + o)] = 1;
            }
        }
    }
}

void Batch::count_targets(const Plan& plan) {
    for (index_t o = 0; o < n_outputs_; ++o) {
        const auto& targets = t[at(o)];
        for (index_t position = 0; position < size_; ++position) {
            if (unknown(position, o)) continue;
            const index_t q = column(position);
            for (index_t i = 0; i < plan.outputs[at(o)].rows; ++i) {
                if (!std::isnan(targets(i, q))) ++counted;
            }
        }
    }
}

int threads_for(double flops, int available) {
    constexpr double worth_a_thread = 2e5;
    return static_cast<int>(
        std::clamp(flops / worth_a_thread, 1.0, static_cast<double>(available)));
}

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
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        LayerTape tape;
        tape.u = work.doubles(block.n * layer.k_all);
        tape.s = work.doubles(block.n * layer.h);
        tape.a = work.doubles(block.n * layer.h);
        if (order >= Order::slope) tape.d1 = work.doubles(block.n * layer.h);
        if (order >= Order::curvature) tape.d2 = work.doubles(block.n * layer.h);
        block.layers[l] = tape;
    }
    block.y = work.doubles(block.n * plan.n_outputs);
    return block;
}

void reserve_gradient(const Plan& plan, Block& block, Workspace& work) {
    block.t = work.doubles(block.n * plan.n_outputs);
    block.w = work.doubles(block.n * plan.n_outputs);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        block.layers[l].v = work.doubles(block.n * plan.layers[at(l)].h);
        block.layers[l].g = work.doubles(block.n * plan.layers[at(l)].h);
    }
}

void reserve_sensitivities(const Plan& plan, Block& block, Workspace& work) {
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        block.layers[l].d = work.doubles(block.n * plan.layers[at(l)].h * plan.n_outputs);
    }
}

namespace {

/// Raw samples of one input into lanes; the padding repeats the last sample.
LaneMatrix gather(const Batch& batch, const MatrixView<const double>& x, const Block& block,
                  Workspace& work) {
    const LaneMatrix lane_x{work.doubles(x.rows * block.n), block.n, x.rows, block.n};
    for (index_t z = 0; z < block.n; ++z) {
        const index_t position = std::min(z, block.count - 1) + block.first;
        const double* column = x.data + batch.column(position) * x.col_stride;
        for (index_t i = 0; i < x.rows; ++i) lane_x.row(i)[z] = column[i * x.row_stride];
    }
    return lane_x;
}

/// Processed inputs; what is still unknown becomes 0, its outputs don't count.
LaneMatrix processed_input(const Plan& plan, const Batch& batch, std::size_t j, const Block& block,
                           Workspace& work) {
    const LaneMatrix raw = gather(batch, batch.x[j], block, work);
    const LaneMatrix x = apply(plan.inputs[j].processing, raw, work);
    for (index_t i = 0; i < x.rows; ++i) {
        for (index_t z = 0; z < x.n; ++z) x.row(i)[z] = std::isnan(x.row(i)[z]) ? 0.0 : x.row(i)[z];
    }
    return x;
}

}  // namespace

void forward(const Plan& plan, const Batch& batch, Block& block, Order order) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    LaneMatrix* inputs = work.array<LaneMatrix>(static_cast<index_t>(plan.inputs.size()));
    for (std::size_t j = 0; j < plan.inputs.size(); ++j) {
        inputs[j] = processed_input(plan, batch, j, block, work);
    }
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        for (const Feed& feed : layer.feeds) {
            double* columns = tape.u + feed.column * n;
            if (feed.kind == SourceKind::bias) {
                std::fill_n(columns, n, 1.0);
            } else if (feed.kind == SourceKind::input) {
                std::copy_n(inputs[feed.source].data, feed.width * n, columns);
            } else {
                std::copy_n(block.layers[feed.source].a, feed.width * n, columns);
            }
        }
        kernels.layer_product(n, layer.h, layer.k_all, tape.u, n, plan.theta(l), 1, layer.h, tape.s,
                              n, false);
        kernels.transfer(layer.transfer, n, layer.h, tape.s, n, tape.a, n,
                         order >= Order::slope ? tape.d1 : nullptr,
                         order >= Order::curvature ? tape.d2 : nullptr, n);
    }
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        const LaneMatrix a{block.layers[output.layer].a, n, plan.layers[at(output.layer)].h, n};
        const LaneMatrix y = reverse(plan.output_processing[o], a, work);
        std::copy_n(y.data, output.rows * n, block.y + output.first_row * n);
    }
}

void load_targets(const Plan& plan, const Batch& batch, Block& block, double scale) {
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        const auto& targets = batch.t[o];
        for (index_t i = 0; i < output.rows; ++i) {
            const index_t row = output.first_row + i;
            double* t = block.t + row * block.n;
            double* w = block.w + row * block.n;
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

namespace {

/// v += D' dE/dy of an output that enters the loss through its raw values.
void add_output_slope(const Plan& plan, const Block& block, const PlanOutput& output,
                      Objective objective, double* v) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    double* slope = work.doubles(n * output.rows);
    const LossLanes loss = loss_lanes(plan, block, output);
    const bool sse = objective == Objective::half_sse;
    loss_output_slopes(sse ? Performance::sse : plan.performance.function, loss, slope, nullptr, n);
    const double half = sse ? 0.5 : 1.0;
    for (index_t j = 0; j < output.linear.cols; ++j) {
        for (index_t i = 0; i < output.rows; ++i) {
            const double gain = output.linear(i, j);
            if (gain != 0.0) kernels.scale(n, slope + i * n, half * gain, v + j * n, true);
        }
    }
}

/// out = sum over the successors s of W_sl' x_s, n x h_l; `value(s)` gives x_s.
template <class Value>
void back_through(const Plan& plan, const PlanLayer& layer, index_t n, double* out, Value&& value) {
    if (layer.successors.empty()) std::fill_n(out, n * layer.h, 0.0);
    bool accumulate = false;
    for (const Successor& s : layer.successors) {
        const index_t h = plan.layers[at(s.layer)].h;
        kernel_table().layer_product(n, layer.h, h, value(s.layer), n, plan.weights(s), h, 1, out,
                                     n, accumulate);
        accumulate = true;
    }
}

}  // namespace

void backward(const Plan& plan, Block& block, Objective objective) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        back_through(plan, layer, n, tape.v, [&](index_t s) { return block.layers[s].g; });
        const PlanOutput* output = layer.output >= 0 ? &plan.outputs[at(layer.output)] : nullptr;
        const LossForm form = output ? loss_form(plan, *output, objective) : LossForm::output;
        if (output && form == LossForm::output) {
            add_output_slope(plan, block, *output, objective, tape.v);
        }
        kernels.slope_backward(slope_of(plan, block, l), n, layer.h, tape.v, n, tape.g, n);
        if (output && form != LossForm::output) {
            Workspace work;
            double* direct = work.doubles(n * layer.h);
            loss_net_slopes(form, loss_lanes(plan, block, *output), direct, n, nullptr, 0);
            kernels.scale(n * layer.h, direct, 1.0, tape.g, true);
        }
    }
}

void sensitivities(const Plan& plan, Block& block) {
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const Slope slope = slope_of(plan, block, l);
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            double* d = block.layers[l].d + m * layer.h * n;
            back_through(plan, layer, n, d, [&](index_t s) {
                return block.layers[s].d + m * plan.layers[at(s)].h * n;
            });
            if (layer.output >= 0) {
                const PlanOutput& output = plan.outputs[at(layer.output)];
                const index_t row = m - output.first_row;
                for (index_t j = 0; row >= 0 && row < output.rows && j < layer.h; ++j) {
                    const double gain = output.linear(row, j);
                    for (index_t z = 0; gain != 0.0 && z < n; ++z) d[j * n + z] += gain;
                }
            }
            kernel_table().slope_backward(slope, n, layer.h, d, n, d, n);
        }
    }
}

}  // namespace jacnet
