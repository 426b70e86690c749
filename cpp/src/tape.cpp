#include "tape.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "errors.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Whether all elements of a run are finite: in integers, whose sums the compiler may reorder.
bool all_finite(const double* values, index_t n) {
    constexpr std::uint64_t exponent = std::uint64_t{0x7ff} << 52;
    std::uint64_t overflow = 0;
    for (index_t i = 0; i < n; ++i) {
        overflow |= (std::bit_cast<std::uint64_t>(values[i]) & exponent) + (std::uint64_t{1} << 52);
    }
    return overflow >> 63 == 0;
}

/// Number of NaN in an array, which may hold no infinite value.
index_t count_nan(const MatrixView<const double>& data, const char* function, const char* what) {
    // Runs along whichever side is contiguous, and neither too long for an interrupt check.
    const bool by_rows = data.col_stride == 1 && data.row_stride != 1;
    const MatrixView<const double> runs = by_rows ? data.transposed() : data;
    constexpr index_t longest = index_t{1} << 16;
    index_t found = 0, since = 0;
    for (index_t c = 0; c < runs.cols; ++c) {
        for (index_t first = 0; first < runs.rows; first += longest) {
            const index_t n = std::min(longest, runs.rows - first);
            if ((since += n) >= longest) {
                detail::poll_interrupt();
                since = 0;
            }
            const double* run = runs.data + c * runs.col_stride + first * runs.row_stride;
            if (runs.row_stride == 1 && all_finite(run, n)) continue;
            for (index_t r = 0; r < n; ++r) {
                const double value = run[r * runs.row_stride];
                if (std::isinf(value)) {
                    const index_t i = first + r;
                    refuse(function, ": ", what, "[", by_rows ? c : i, ", ", by_rows ? i : c,
                           "] is ", value, "; values must be finite (NaN means unknown)");
                }
                found += std::isnan(value) ? 1 : 0;
            }
        }
    }
    return found;
}

void check_shape(const char* function, const char* what, const MatrixView<const double>& data,
                 index_t rows, index_t cols) {
    if (data.rows == rows && data.cols == cols) return;
    const bool turned = data.rows == cols && data.cols == rows;
    refuse(function, ": ", what, " has shape (", data.rows, ", ", data.cols, "), expected (", rows,
           ", ", cols, ")", turned ? text("; samples are columns: pass ", what, ".T") : "");
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
      n_outputs_(static_cast<index_t>(plan.outputs.size())),
      n_rows_(plan.n_outputs) {
    if (x.size() != plan.inputs.size()) {
        refuse(function, ": x has ", x.size(), " arrays, but the network has ", plan.inputs.size(),
               " inputs");
    }
    const index_t total = !x.empty() ? x[0].cols : !t.empty() ? t[0].cols : 0;
    index_t unknown_targets = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const char* what = "x";  // with its number where there are several
        const std::string name = x.size() > 1 ? text("x[", j, "]") : "";
        if (!name.empty()) what = name.c_str();
        const index_t rows = plan.inputs[j].size;
        if (x[j].rows != rows) {
            refuse(function, ": ", what, " has shape (", x[j].rows, ", ", x[j].cols, "), expected ",
                   rows, " rows (the network's inputs)",
                   x[j].cols == rows ? text("; samples are columns: pass ", what, ".T") : "");
        }
        check_shape(function, what, x[j], rows, total);
        if (count_nan(x[j], function, what) > 0) has_unknown_ = true;
    }
    if (!t.empty()) {
        if (t.size() != plan.outputs.size()) {
            refuse(function, ": t has ", t.size(), " arrays, but the network has ",
                   plan.outputs.size(), " outputs");
        }
        for (std::size_t o = 0; o < t.size(); ++o) {
            check_shape(function, "t", t[o], plan.outputs[o].rows, total);
            unknown_targets += count_nan(t[o], function, "t");
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
    if (has_unknown_) find_unknown(plan);
    if (policy == UnknownInputs::refused && t.empty() &&
        std::any_of(unknown_.begin(), unknown_.end(), [](char c) { return c != 0; })) {
        const auto first = std::find(unknown_.begin(), unknown_.end(), char{1}) - unknown_.begin();
        refuse(function, ": x has a NaN in sample ", column(first / n_outputs_),
               "; only functions with targets accept unknown inputs (as don't care)");
    }
    counted = t.empty() ? 0 : size_ * plan.n_outputs;
    if (unknown_targets > 0 || (has_unknown_ && !t.empty())) count_targets(plan);
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
    counted = 0;
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

int threads_for(double flops, std::optional<int> requested) {
    constexpr double worth_a_thread = 2e5;
    if (flops < 2.0 * worth_a_thread && requested.value_or(1) >= 1) return 1;
    return static_cast<int>(
        std::min(flops / worth_a_thread, static_cast<double>(resolve_threads(requested))));
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
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        LayerTape tape;
        tape.u = work.doubles(block.n * layer.k_all);
        tape.s = work.doubles(block.n * layer.h);
        // An output is made where its first reader has it among its sources.
        tape.a = layer.successors.empty() ? work.doubles(block.n * layer.h)
                                          : block.layers[layer.successors[0].layer].u +
                                                layer.successors[0].column * block.n;
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
    if (batch.indices.empty() && x.col_stride == 1) {  // samples of a row lie side by side
        for (index_t i = 0; i < x.rows; ++i) {
            const double* from = x.data + i * x.row_stride + block.first;
            std::fill(std::copy_n(from, block.count, lane_x.row(i)), lane_x.row(i) + block.n,
                      from[block.count - 1]);
        }
        return lane_x;
    }
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
                std::fill_n(columns, n, 1.0);
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
            if (batch.plain() && targets.col_stride == 1) {
                const double* from = targets.data + i * targets.row_stride + block.first;
                std::fill(std::copy_n(from, block.count, t), t + block.n, 0.0);
                std::fill(std::fill_n(w, block.count, scale), w + block.n, 0.0);
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

namespace {

/// d += row `m` of the output's linear part, or the unit vector.
void add_output(const Plan& plan, const PlanLayer& layer, index_t m, index_t n, From from,
                double* d) {
    if (layer.output < 0) return;
    const PlanOutput& output = plan.outputs[at(layer.output)];
    const index_t row = m - output.first_row;
    if (row < 0 || row >= output.rows) return;
    for (index_t j = 0; j < layer.h; ++j) {
        const double gain = from == From::output ? output.linear(row, j) : row == j ? 1.0 : 0.0;
        for (index_t z = 0; gain != 0.0 && z < n; ++z) d[j * n + z] += gain;
    }
}

}  // namespace

void sensitivities(const Plan& plan, Block& block, From from) {
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const Slope slope = slope_of(plan, block, l);
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            double* d = block.layers[l].d + m * layer.h * n;
            back_through(plan, layer, n, d, [&](index_t s) {
                return block.layers[s].d + m * plan.layers[at(s)].h * n;
            });
            if (from == From::output) add_output(plan, layer, m, n, from, d);
            kernel_table().slope_backward(slope, n, layer.h, d, n, d, n);
            if (from == From::net_input) add_output(plan, layer, m, n, from, d);
        }
    }
}

}  // namespace jacnet
