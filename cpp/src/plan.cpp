#include "plan.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "process_steps.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

double normalization_factor(const PerformanceSettings& settings, const std::vector<double>& range,
                            index_t row) {
    if (settings.normalization == Normalization::none ||
        settings.function == Performance::crossentropy || at(2 * row + 1) >= range.size()) {
        return 1.0;
    }
    const double width = range[at(2 * row + 1)] - range[at(2 * row)];
    const double factor = (settings.normalization == Normalization::standard ? 2.0 : 1.0) / width;
    return std::isfinite(factor) ? factor : 1.0;
}

SourceKind source_kind(BlockKind kind) { return static_cast<SourceKind>(static_cast<int>(kind)); }

}  // namespace

Plan::Plan(const Network& net, const char* function) : performance(net.performance) {
    if (!net.configured()) {
        refuse(function,
               ": the network is not configured: its input or output size is unknown; "
               "call configure(x, t) or train it first");
    }
    const Structure& structure = net.structure();
    inputs = structure.inputs;
    for (const Input& input : inputs) {
        input_linear.push_back(forward_part(input.processing, input.size));
        n_inputs += input.size;
    }
    n_parameters = net.n_parameters();
    wb.assign(net.wb().data, net.wb().data + n_parameters);

    index_t theta_size = 0;
    for (const ParameterBlock& block : net.layout()) theta_size += block.size();
    theta_.resize(at(theta_size));
    double* next = theta_.data();
    for (index_t l = 0, offset = 0; l < static_cast<index_t>(structure.layers.size()); ++l) {
        PlanLayer layer;
        layer.transfer = structure.layers[at(l)].transfer;
        layer.matrix_slope = has_matrix_slope(layer.transfer);
        layer.h = structure.layers[at(l)].size;
        layer.offset = offset;
        layer.theta = next;
        for (const bool learn : {true, false}) {
            for (const ParameterBlock& block : net.layout()) {
                if (block.layer != l || block.learn != learn) continue;
                layer.feeds.push_back(
                    {source_kind(block.kind), block.source, layer.k_all, block.cols});
                const double* values = net.block(block).data;
                next = std::copy(values, values + block.size(), next);
                layer.k_all += block.cols;
                if (learn) layer.k += block.cols;
            }
        }
        for (const Feed& feed : layer.feeds) {
            if (feed.kind == SourceKind::layer) {
                layers[at(feed.source)].successors.push_back({l, feed.column});
            }
        }
        offset += layer.size();
        layers.push_back(std::move(layer));
    }
    for (const Output& output : structure.outputs) {
        layers[at(output.layer)].output = static_cast<index_t>(outputs.size());
        outputs.push_back(
            {output.layer, n_outputs, output.size, reverse_part(output.processing, output.size)});
        output_processing.push_back(output.processing);
        for (index_t i = 0; i < output.size; ++i) {
            norm.push_back(normalization_factor(performance, output.range, i));
        }
        n_outputs += output.size;
    }
}

bool Plan::reaches(index_t input, index_t output) const {
    std::vector<bool> touched(layers.size(), false);
    for (std::size_t l = 0; l < layers.size(); ++l) {
        for (const Feed& feed : layers[l].feeds) {
            const bool hit = feed.kind == SourceKind::input   ? feed.source == input
                             : feed.kind == SourceKind::layer ? touched[at(feed.source)]
                                                              : false;
            touched[l] = touched[l] || hit;
        }
    }
    return touched[at(outputs[at(output)].layer)];
}

}  // namespace jacnet
