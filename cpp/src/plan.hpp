#pragma once
/// A network made ready for passes over samples: its graph, made once per structure, and its
/// parameters at the moment of a call.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "jacnet/linearization.hpp"
#include "jacnet/network.hpp"

namespace jacnet {

/// A range of columns of u_l, the stacked sources of a layer.
struct Feed {
    SourceKind kind = SourceKind::bias;
    index_t source = -1;
    index_t column = 0;
    index_t width = 0;
};

/// A layer that reads this one: its columns of theta are the weights in between.
struct Successor {
    index_t layer = 0;
    index_t column = 0;
};

struct PlanLayer {
    Transfer transfer = Transfer::purelin;
    bool matrix_slope = false;
    index_t h = 0;            ///< neurons
    index_t k = 0;            ///< columns of theta that are parameters; they come first
    index_t k_all = 0;        ///< with the frozen ones
    index_t offset = 0;       ///< of the parameters in wb
    index_t packed = -1;      ///< of theta among those packed with frozen columns; -1: has none
    index_t output = -1;      ///< number of the output that this layer is, or -1
    std::vector<Feed> feeds;  ///< of u_l, in its order
    std::vector<Successor> successors;

    index_t size() const { return h * k; }
    /// Whether it reads other layers, not only inputs and the bias.
    bool reads_layers() const {
        return std::any_of(feeds.begin(), feeds.end(),
                           [](const Feed& feed) { return feed.kind == SourceKind::layer; });
    }
};

struct PlanOutput {
    index_t layer = 0;
    index_t first_row = 0;  ///< among the stacked outputs
    index_t rows = 0;
    LinearPart linear;  ///< d(raw output)/d(layer output), rows x h
};

/// Everything about a configured network but its parameters and performance; never changed.
struct Graph {
    Graph(const Structure& structure, const Layout& layout);

    /// Whether the values of an input can reach an output.
    bool reaches(index_t input, index_t output) const;

    std::vector<Input> inputs;
    std::vector<LinearPart> input_linear;  ///< d(processed)/d(raw)
    std::vector<PlanLayer> layers;
    std::vector<PlanOutput> outputs;
    std::vector<Processing> output_processing;
    /// Error normalisation of every output row, for each way of it.
    std::array<std::vector<double>, n_normalizations> norms;
    index_t n_parameters = 0;
    index_t n_packed = 0;        ///< elements of theta of the layers with frozen columns
    index_t n_outputs = 0;       ///< rows of all outputs
    index_t n_inputs = 0;        ///< raw rows of all inputs
    double forward_flops = 0.0;  ///< of one sample, roughly
};

class Plan {
public:
    /// @param function  the caller, for messages
    Plan(const Network& net, const char* function, Parameters parameters);
    /// The same, at the same parameters, for a loss that is given from outside.
    struct OwnLoss {};
    Plan(const Plan& other, OwnLoss);
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

private:
    /// Without parameters.
    Plan(std::shared_ptr<const Graph> graph, const PerformanceSettings& performance_,
         bool own_loss_);

    std::shared_ptr<const Graph> graph_;

public:
    const std::vector<Input>& inputs;
    const std::vector<LinearPart>& input_linear;
    const std::vector<PlanLayer>& layers;
    const std::vector<PlanOutput>& outputs;
    const std::vector<Processing>& output_processing;
    const index_t n_parameters, n_outputs, n_inputs;
    const double forward_flops;
    const PerformanceSettings performance;
    const bool own_loss;  ///< what is asked of the performance is asked of that loss

    /// Takes over the parameters of a network that has changed nothing else.
    void refresh(const Network& net);

    const Graph& graph() const { return *graph_; }
    index_t n_layers() const { return static_cast<index_t>(layers.size()); }
    /// The parameter vector.
    const double* wb() const { return wb_; }
    /// Of a layer: h x k_all, column-major.
    const double* theta(index_t l) const {
        const PlanLayer& layer = layers[static_cast<std::size_t>(l)];
        return layer.packed < 0 ? wb_ + layer.offset : packed_.data() + layer.packed;
    }
    /// From a layer into a successor: h_s x h, column-major.
    const double* weights(const Successor& s) const {
        return theta(s.layer) + s.column * layers[static_cast<std::size_t>(s.layer)].h;
    }
    /// Error normalisation of every output row.
    const double* norm() const { return norm_; }

private:
    std::shared_ptr<const std::vector<double>> held_;  ///< keeps borrowed parameters alive
    const double* wb_ = nullptr;
    std::vector<double> copy_;    ///< of wb, where it is not borrowed
    std::vector<double> packed_;  ///< theta of the layers with frozen columns
    const double* norm_ = nullptr;
};

}  // namespace jacnet
