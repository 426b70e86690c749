#include "single_sample.hpp"

#include <algorithm>
#include <cmath>

#include "process_steps.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

index_t padded(index_t n) { return round_up(n, lanes); }

/// One layer: vectors of whole packets; `v` and `d` hold one per output.
struct Neurons {
    double* u = nullptr;
    double* a = nullptr;
    double* d1 = nullptr;
    double* d = nullptr;
};

/// A vector as lanes that are all alike, for kernels that couple features.
double* spread(index_t h, const double* values, Workspace& work) {
    double* out = work.doubles(h * lanes);
    for (index_t i = 0; i < h; ++i) std::fill_n(out + i * lanes, lanes, values[i]);
    return out;
}

void first_lanes(index_t h, const double* from, double* to) {
    for (index_t i = 0; i < h; ++i) to[i] = from[i * lanes];
}

/// Processed values of an input; what is still unknown becomes 0, as in a block.
void process(const Processing& processing, const VectorView<const double>& x, double* out) {
    const auto known = [](double value) { return std::isnan(value) ? 0.0 : value; };
    if (processing.steps.empty()) {
        for (index_t i = 0; i < x.size; ++i) out[i] = known(x[i]);
        return;
    }
    Workspace work;
    LaneMatrix sample{work.doubles(x.size * lanes), lanes, x.size, lanes};
    for (index_t i = 0; i < x.size; ++i) std::fill_n(sample.row(i), lanes, x[i]);
    sample = apply(processing, sample, work);
    for (index_t i = 0; i < sample.rows; ++i) out[i] = known(sample.row(i)[0]);
}

class Sample {
public:
    Sample(const Plan& plan, const VectorView<const double>* x, bool slopes, Workspace& work)
        : plan_(plan), layers_(work.array<Neurons>(plan.n_layers())) {
        const double** inputs = work.array<const double*>(static_cast<index_t>(plan.inputs.size()));
        for (std::size_t j = 0; j < plan.inputs.size(); ++j) {
            double* values = work.doubles(std::max(plan.input_linear[j].rows, x[j].size));
            process(plan.inputs[j].processing, x[j], values);
            inputs[j] = values;
        }
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            forward(l, inputs, slopes, work);
        }
    }

    void outputs(double* y) const {
        for (std::size_t o = 0; o < plan_.outputs.size(); ++o) {
            const PlanOutput& output = plan_.outputs[o];
            const double* a = layers_[output.layer].a;
            const index_t h = plan_.layers[at(output.layer)].h;
            if (plan_.output_processing[o].steps.empty()) {
                std::copy_n(a, h, y + output.first_row);
                continue;
            }
            Workspace work;
            const LaneMatrix own{spread(h, a, work), lanes, h, lanes};
            const LaneMatrix raw = reverse(plan_.output_processing[o], own, work);
            first_lanes(output.rows, raw.data, y + output.first_row);
        }
    }

    /// d of every layer and output.
    void backward(Workspace& work) {
        for (index_t l = plan_.n_layers() - 1; l >= 0; --l) backward(l, work);
    }

    void input_jacobian(double* out, index_t row_stride, index_t col_stride) const;

private:
    void forward(index_t l, const double** inputs, bool slopes, Workspace& work);
    void backward(index_t l, Workspace& work);
    void apply_slope(index_t l, double* d) const;

    const Plan& plan_;
    Neurons* layers_;
};

void Sample::forward(index_t l, const double** inputs, bool slopes, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(l)];
    Neurons& own = layers_[l];
    const index_t h = layer.h, size = padded(h);
    own = {work.doubles(layer.k_all), work.doubles(size), work.doubles(size), nullptr};
    for (const Feed& feed : layer.feeds) {
        double* to = own.u + feed.column;
        if (feed.kind == SourceKind::bias) {
            *to = 1.0;
        } else {
            const bool input = feed.kind == SourceKind::input;
            std::copy_n(input ? inputs[feed.source] : layers_[feed.source].a, feed.width, to);
        }
    }
    Workspace scratch;
    double* s = scratch.doubles(size);
    std::fill_n(s, size, 0.0);
    kernels.vector_product(h, layer.k_all, plan_.theta(l), own.u, s);
    if (!couples_features(layer.transfer)) {
        kernels.transfer(layer.transfer, size, 1, s, size, own.a, size, slopes ? own.d1 : nullptr,
                         nullptr, size);
        return;
    }
    double* wide_a = scratch.doubles(h * lanes);
    double* wide_d1 = scratch.doubles(h * lanes);
    kernels.transfer(layer.transfer, lanes, h, spread(h, s, scratch), lanes, wide_a, lanes, wide_d1,
                     nullptr, lanes);
    first_lanes(h, wide_a, own.a);
    first_lanes(h, wide_d1, own.d1);
}

/// d = F' d, with zeros behind the last neuron.
void Sample::apply_slope(index_t l, double* d) const {
    const PlanLayer& layer = plan_.layers[at(l)];
    const Neurons& own = layers_[l];
    if (layer.matrix_slope) {
        double mean = 0.0;
        for (index_t i = 0; i < layer.h; ++i) mean += own.a[i] * d[i];
        for (index_t i = 0; i < layer.h; ++i) d[i] = own.a[i] * (d[i] - mean);
    }
    for (index_t i = 0; i < layer.h; ++i) d[i] *= own.d1[i];
    std::fill(d + layer.h, d + padded(layer.h), 0.0);
}

void Sample::backward(index_t l, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(l)];
    const index_t size = padded(layer.h), outputs = plan_.n_outputs;
    double* d = work.doubles(size * outputs);
    layers_[l].d = d;
    if (layer.successors.empty()) std::fill_n(d, size * outputs, 0.0);
    Workspace scratch;
    double* further = nullptr;
    for (const Successor& s : layer.successors) {
        const index_t h = plan_.layers[at(s.layer)].h;
        const bool first = s.layer == layer.successors[0].layer;
        if (!first && !further) further = scratch.doubles(size * outputs);
        double* to = first ? d : further;
        kernels.transposed_products(h, layer.h, plan_.weights(s), outputs, layers_[s.layer].d,
                                    padded(h), to, size);
        for (index_t m = 0; !first && m < outputs; ++m) {
            for (index_t i = 0; i < layer.h; ++i) d[m * size + i] += further[m * size + i];
        }
    }
    if (layer.output >= 0) {
        const PlanOutput& output = plan_.outputs[at(layer.output)];
        for (index_t i = 0; i < output.rows; ++i) {
            double* row = d + (output.first_row + i) * size;
            if (output.linear.diagonal) {
                row[i] += output.linear(i, i);
            } else {
                for (index_t j = 0; j < layer.h; ++j) row[j] += output.linear(i, j);
            }
        }
    }
    for (index_t m = 0; m < outputs; ++m) apply_slope(l, d + m * size);
}

void Sample::input_jacobian(double* out, index_t row_stride, index_t col_stride) const {
    const index_t outputs = plan_.n_outputs;
    for (std::size_t j = 0; j < plan_.inputs.size(); ++j) {
        const LinearPart& linear = plan_.input_linear[j];
        const index_t size = padded(linear.rows);
        Workspace work;
        double* sum = work.doubles(size * outputs);
        double* part = work.doubles(size * outputs);
        bool started = false;
        for (index_t l = 0; l < plan_.n_layers(); ++l) {
            const PlanLayer& layer = plan_.layers[at(l)];
            for (const Feed& feed : layer.feeds) {
                if (feed.kind != SourceKind::input || at(feed.source) != j) continue;
                kernel_table().transposed_products(
                    layer.h, linear.rows, plan_.theta(l) + feed.column * layer.h, outputs,
                    layers_[l].d, padded(layer.h), started ? part : sum, size);
                for (index_t i = 0; started && i < outputs * size; ++i) sum[i] += part[i];
                started = true;
            }
        }
        if (!started) std::fill_n(sum, size * outputs, 0.0);
        for (index_t m = 0; m < outputs; ++m) {
            const double* row = sum + m * size;
            for (index_t r = 0; r < linear.cols; ++r) {
                double value = 0.0;
                if (linear.diagonal) {
                    value = row[r] * linear(r, r);
                } else {
                    for (index_t i = 0; i < linear.rows; ++i) value += row[i] * linear(i, r);
                }
                out[m * row_stride + r * col_stride] = value;
            }
        }
        out += linear.cols * col_stride;
    }
}

}  // namespace

void differentiate_sample(const Plan& plan, const VectorView<const double>* x, double* y,
                          double* dy_dx, index_t row_stride, index_t col_stride) {
    Workspace work;
    Sample sample(plan, x, dy_dx != nullptr, work);
    if (y) sample.outputs(y);
    if (!dy_dx) return;
    sample.backward(work);
    sample.input_jacobian(dy_dx, row_stride, col_stride);
}

}  // namespace jacnet
