/// Nguyen and Widrow (1990), "Improving the learning speed of 2-layer neural networks by choosing
/// initial values of the adaptive weights", in the form and order of draws of MATLAB's initnw.

#include "initialization.hpp"

#include <cmath>

#include "errors.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

double symmetric(UniformSource& uniform) { return 2.0 * uniform() - 1.0; }

double clipped(double value) { return value < -1.0 ? -1.0 : value > 1.0 ? 1.0 : value; }

/// Ranges of everything that a layer reads, input by input and layer by layer.
std::vector<Range> source_ranges(const Network& net, const Layer& layer) {
    std::vector<Range> ranges;
    for (const Connection& connection : layer.connections) {
        if (connection.kind == SourceKind::input) {
            const Input& input = net.structure().inputs[at(connection.source)];
            const index_t rows = input.processing.processed_rows(input.size);
            for (index_t i = 0; i < rows; ++i) {
                const bool known = at(2 * i + 1) < input.processed_range.size();
                const Range range = known ? Range{input.processed_range[at(2 * i)],
                                                  input.processed_range[at(2 * i + 1)]}
                                          : Range{0.0, 1.0};
                const bool finite = std::isfinite(range.lo) && std::isfinite(range.hi);
                ranges.push_back(finite ? range : Range{0.0, 1.0});
            }
        } else if (connection.kind == SourceKind::layer) {
            const Layer& source = net.structure().layers[at(connection.source)];
            const Range out = output_range(source.transfer);
            const Range range{std::isinf(out.lo) ? clipped(out.lo) : out.lo,
                              std::isinf(out.hi) ? clipped(out.hi) : out.hi};
            ranges.insert(ranges.end(), at(source.size), range);
        }
    }
    return ranges;
}

struct LayerValues {
    std::vector<double> weights;  // S x R, column-major
    std::vector<double> bias;
};

LayerValues uniform_values(index_t size, index_t sources, bool bias, UniformSource& uniform) {
    LayerValues values;
    for (index_t e = 0; e < size * sources; ++e) values.weights.push_back(symmetric(uniform));
    if (bias) {
        for (index_t i = 0; i < size; ++i) values.bias.push_back(symmetric(uniform));
    }
    return values;
}

/// Biases evenly spread over [-magnitude, magnitude], as MATLAB's linspace rounds them.
double spread(index_t i, index_t size, double magnitude) {
    if (size == 1) return 0.0;
    if (i == size - 1) return magnitude;
    return -magnitude + static_cast<double>(i) * (2.0 * magnitude / static_cast<double>(size - 1));
}

LayerValues nguyen_widrow(index_t size, const std::vector<Range>& sources, Range active,
                          UniformSource& uniform) {
    std::vector<index_t> varying;
    for (index_t k = 0; k < static_cast<index_t>(sources.size()); ++k) {
        if (sources[at(k)].lo != sources[at(k)].hi) varying.push_back(k);
    }
    LayerValues values;
    values.weights.assign(at(size) * sources.size(), 0.0);
    values.bias.assign(at(size), 0.0);
    const index_t r = static_cast<index_t>(varying.size());
    if (r == 0) return values;

    if (active.lo == active.hi) active = {active.lo - 1.0, active.hi + 1.0};
    const double half = (active.hi - active.lo) / 2.0, middle = (active.hi + active.lo) / 2.0;
    const double magnitude =
        0.7 * std::pow(static_cast<double>(size), 1.0 / static_cast<double>(r));
    std::vector<double> w(at(size * r));
    for (double& value : w) value = symmetric(uniform);
    for (index_t i = 0; i < size; ++i) {
        double squares = 0.0;
        for (index_t k = 0; k < r; ++k) squares += w[at(i + k * size)] * w[at(i + k * size)];
        const double norm = std::sqrt(squares);
        for (index_t k = 0; k < r; ++k) w[at(i + k * size)] *= magnitude / norm;
        const double sign = w[at(i)] > 0.0 ? 1.0 : w[at(i)] < 0.0 ? -1.0 : 0.0;
        values.bias[at(i)] = spread(i, size, magnitude) * sign * half + middle;
    }
    for (index_t k = 0; k < r; ++k) {
        const Range range = sources[at(varying[at(k)])];
        const double gain = 2.0 / (range.hi - range.lo), offset = 1.0 - range.hi * gain;
        for (index_t i = 0; i < size; ++i) {
            const double weight = w[at(i + k * size)] * half;
            values.bias[at(i)] += weight * offset;
            values.weights[at(i + varying[at(k)] * size)] = weight * gain;
        }
    }
    return values;
}

void store(Network& net, index_t l, const LayerValues& values) {
    std::size_t next = 0;
    for (const ParameterBlock& block : net.layout()) {
        if (block.layer != l) continue;
        const MatrixView<double> target = net.block(block);
        const bool bias = block.kind == BlockKind::bias;
        for (index_t e = 0; e < block.size(); ++e) {
            target.data[e] = bias ? values.bias[at(e)] : values.weights[next++];
        }
    }
}

}  // namespace

void initialize(Network& net, UniformSource& uniform) {
    if (!net.configured()) {
        refuse("init: the network is not configured; call configure(x, t) or give sizes");
    }
    const auto& layers = net.structure().layers;
    for (index_t l = 0; l < static_cast<index_t>(layers.size()); ++l) {
        const Layer& layer = layers[at(l)];
        const std::vector<Range> sources = source_ranges(net, layer);
        const bool bias =
            !layer.connections.empty() && layer.connections.front().kind == SourceKind::bias;
        const Range active = active_range(layer.transfer);
        const bool plain = !bias || !std::isfinite(active.lo) || !std::isfinite(active.hi);
        const index_t n_sources = static_cast<index_t>(sources.size());
        store(net, l,
              plain ? uniform_values(layer.size, n_sources, bias, uniform)
                    : nguyen_widrow(layer.size, sources, active, uniform));
    }
}

void Network::initialize(std::optional<std::uint32_t> seed) {
    UniformSource uniform(seed);
    jacnet::initialize(*this, uniform);
}

}  // namespace jacnet
