#include "plan.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "errors.hpp"
#include "process_steps.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

SourceKind source_kind(BlockKind kind) { return static_cast<SourceKind>(static_cast<int>(kind)); }

double width(const std::vector<double>& range, index_t row) {
    const bool known = at(2 * row + 1) < range.size();
    return known ? range[at(2 * row + 1)] - range[at(2 * row)]
                 : std::numeric_limits<double>::quiet_NaN();
}

/// Of errors whose targets have a range of such a width.
double normalization_factor(Normalization normalization, double width) {
    if (normalization == Normalization::none) return 1.0;
    const double factor = (normalization == Normalization::standard ? 2.0 : 1.0) / width;
    return std::isfinite(factor) ? factor : 1.0;
}

/// What a performance does to errors.
Normalization normalization_of(const PerformanceSettings& settings) {
    return settings.function == Performance::crossentropy ? Normalization::none
                                                          : settings.normalization;
}

/// Columns of u_l from the blocks of its layer: those that learn, then the frozen ones.
void read_feeds(PlanLayer& layer, const ParameterBlock* first, const ParameterBlock* last) {
    for (const bool learn : {true, false}) {
        for (const ParameterBlock* block = first; block != last; ++block) {
            if (block->learn != learn) continue;
            layer.feeds.push_back(
                {source_kind(block->kind), block->source, layer.k_all, block->cols});
            layer.k_all += block->cols;
            if (learn) layer.k += block->cols;
        }
    }
}

const std::shared_ptr<const Graph>& graph_of(const Network& net, const char* function) {
    if (!net.configured()) {
        refuse(
            function,
            ": the network is not configured: a size is unknown or a process function not fitted "
            "to data; call configure(x, t) or train it first");
    }
    return net.graph();
}

}  // namespace

Graph::Graph(const Structure& structure, const Layout& layout) : inputs(structure.inputs) {
    for (const Input& input : inputs) {
        input_linear.push_back(forward_part(input.processing, input.size));
        n_inputs += input.size;
    }
    const ParameterBlock* block = layout.data();
    const ParameterBlock* const end = block + layout.size();
    for (index_t l = 0; l < static_cast<index_t>(structure.layers.size()); ++l) {
        PlanLayer layer;
        layer.transfer = structure.layers[at(l)].transfer;
        layer.matrix_slope = has_matrix_slope(layer.transfer);
        layer.h = structure.layers[at(l)].size;
        layer.offset = n_parameters;
        const ParameterBlock* const first = block;
        while (block != end && block->layer == l) ++block;
        read_feeds(layer, first, block);
        for (const Feed& feed : layer.feeds) {
            if (feed.kind == SourceKind::layer) {
                layers[at(feed.source)].successors.push_back({l, feed.column});
            }
        }
        n_parameters += layer.size();
        if (layer.k < layer.k_all) {
            layer.packed = n_packed;
            n_packed += layer.h * layer.k_all;
        }
        forward_flops +=
            static_cast<double>(layer.h) * (2.0 * static_cast<double>(layer.k_all) + 20.0);
        layers.push_back(std::move(layer));
    }
    for (const Output& output : structure.outputs) {
        layers[at(output.layer)].output = static_cast<index_t>(outputs.size());
        outputs.push_back(
            {output.layer, n_outputs, output.size, reverse_part(output.processing, output.size)});
        output_processing.push_back(output.processing);
        for (std::size_t way = 0; way < norms.size(); ++way) {
            for (index_t i = 0; i < output.size; ++i) {
                norms[way].push_back(
                    normalization_factor(static_cast<Normalization>(way), width(output.range, i)));
            }
        }
        n_outputs += output.size;
    }
}

bool Graph::reaches(index_t input, index_t output) const {
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

Plan::Plan(std::shared_ptr<const Graph> graph, const PerformanceSettings& performance_,
           bool own_loss_)
    : graph_(std::move(graph)),
      inputs(graph_->inputs),
      input_linear(graph_->input_linear),
      layers(graph_->layers),
      outputs(graph_->outputs),
      output_processing(graph_->output_processing),
      n_parameters(graph_->n_parameters),
      n_outputs(graph_->n_outputs),
      n_inputs(graph_->n_inputs),
      forward_flops(graph_->forward_flops),
      performance(performance_),
      own_loss(own_loss_),
      norm_(graph_->norms[static_cast<std::size_t>(normalization_of(performance_))].data()) {}

Plan::Plan(const Network& net, const char* function, Parameters parameters)
    : Plan(graph_of(net, function), net.performance, false) {
    if (parameters == Parameters::copied) copy_.resize(at(n_parameters));
    packed_.resize(at(graph_->n_packed));
    refresh(net);
}

Plan::Plan(const Plan& other, OwnLoss)
    : Plan(other.graph_, {.function = Performance::sse, .normalization = Normalization::none},
           true) {
    copy_.assign(other.wb_, other.wb_ + other.n_parameters);
    wb_ = copy_.data();
    packed_ = other.packed_;
}

void Plan::refresh(const Network& net) {
    held_ = net.parameter_storage();
    wb_ = held_->data();
    if (!copy_.empty()) {
        std::copy_n(wb_, n_parameters, copy_.data());
        wb_ = copy_.data();
    }
    for (index_t l = 0; l < n_layers(); ++l) {
        const PlanLayer& layer = layers[at(l)];
        if (layer.packed < 0) continue;
        double* next = std::copy_n(wb_ + layer.offset, layer.size(), packed_.data() + layer.packed);
        for (const ParameterBlock& block : net.layout()) {
            if (block.layer != l || block.learn) continue;
            next = std::copy_n(net.block(block).data, block.size(), next);
        }
    }
}

}  // namespace jacnet
