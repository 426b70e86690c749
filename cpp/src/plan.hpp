#pragma once
/// A network made ready for passes over samples: parameters packed layer by layer.

#include <vector>

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
    index_t output = -1;      ///< number of the output that this layer is, or -1
    std::vector<Feed> feeds;  ///< of u_l, in its order
    std::vector<Successor> successors;
    const double* theta = nullptr;  ///< h x k_all, column-major

    index_t size() const { return h * k; }
};

struct PlanOutput {
    index_t layer = 0;
    index_t first_row = 0;  ///< among the stacked outputs
    index_t rows = 0;
    LinearPart linear;  ///< d(raw output)/d(layer output), rows x h
};

struct Plan {
    /// @param function  the caller, for messages
    Plan(const Network& net, const char* function);
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    std::vector<Input> inputs;
    std::vector<LinearPart> input_linear;  ///< d(processed)/d(raw)
    std::vector<PlanLayer> layers;
    std::vector<PlanOutput> outputs;
    std::vector<Processing> output_processing;
    std::vector<double> norm;  ///< error normalisation of every output row
    PerformanceSettings performance;
    std::vector<double> wb;
    index_t n_parameters = 0;
    index_t n_outputs = 0;  ///< rows of all outputs
    index_t n_inputs = 0;   ///< raw rows of all inputs

    const double* weights(const Successor& s) const {
        const PlanLayer& layer = layers[static_cast<std::size_t>(s.layer)];
        return layer.theta + s.column * layer.h;
    }
    /// Whether the values of an input can reach an output.
    bool reaches(index_t input, index_t output) const;

private:
    std::vector<double> theta_;
};

}  // namespace jacnet
