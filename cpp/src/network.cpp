#include "jacnet/network.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "memory.hpp"
#include "nearest.hpp"
#include "parallel.hpp"
#include "plan.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

template <class T>
index_t count(const std::vector<T>& items) {
    return static_cast<index_t>(items.size());
}

/// The order of connections within a layer: bias, inputs, layers, each ascending.
bool before(const Connection& a, const Connection& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.source < b.source;
}

void check(const Processing& processing) {
    const auto need = [](bool fine, const ProcessStep& step, const char* expected) {
        if (!fine) refuse("Network: ", name(step.function), " needs ", expected);
    };
    for (const ProcessStep& s : processing.steps) {
        const bool range = std::isfinite(s.ymin) && std::isfinite(s.ymax) && s.ymin < s.ymax;
        need(s.function != Process::mapminmax || range, s, "finite ymin < ymax");
        const bool spread = std::isfinite(s.ymean) && std::isfinite(s.ystd) && s.ystd > 0.0;
        need(s.function != Process::mapstd || spread, s, "a finite ymean and a finite ystd > 0");
        need(s.function != Process::removeconstantrows || s.max_range >= 0.0, s, "max_range >= 0");
        need(s.function != Process::processpca || (s.maxfrac >= 0.0 && s.maxfrac < 1.0), s,
             "maxfrac from 0 to below 1");
    }
}

void check(const Structure& structure) {
    for (const Input& input : structure.inputs) check(input.processing);
    for (const Output& output : structure.outputs) check(output.processing);
    const index_t n_inputs = count(structure.inputs), n_layers = count(structure.layers);
    if (n_layers == 0) refuse("Network: a network needs at least one layer");
    if (structure.outputs.empty()) refuse("Network: a network needs at least one output layer");
    for (index_t j = 0; j < n_inputs; ++j) {
        if (structure.inputs[at(j)].size < 0) refuse("Network: size of input ", j, " is negative");
    }
    for (index_t l = 0; l < n_layers; ++l) {
        const Layer& layer = structure.layers[at(l)];
        if (layer.size < 0) refuse("Network: size of layer ", l, " is negative");
        for (std::size_t c = 0; c < layer.connections.size(); ++c) {
            const Connection& connection = layer.connections[c];
            if (c > 0 && !before(layer.connections[c - 1], connection)) {
                refuse("Network: connections of layer ", l,
                       " must be the bias, then inputs, then layers, each ascending and once");
            }
            if (connection.delays != std::vector<index_t>{0}) {
                refuse("Network: layer ", l,
                       " has a connection with delays; only [0] is supported (static networks)");
            }
            const bool input = connection.kind == SourceKind::input;
            const index_t last = input ? n_inputs : l;
            if (connection.kind != SourceKind::bias &&
                (connection.source < 0 || connection.source >= last)) {
                refuse("Network: layer ", l, " reads ", input ? "input " : "layer ",
                       connection.source,
                       input ? ", which does not exist" : "; a layer can read earlier layers only");
            }
        }
    }
    for (std::size_t o = 0; o < structure.outputs.size(); ++o) {
        const index_t layer = structure.outputs[o].layer;
        if (layer < 0 || layer >= n_layers) {
            refuse("Network: output layer ", layer, " does not exist");
        }
        if (o > 0 && structure.outputs[o - 1].layer >= layer) {
            refuse("Network: output layers must be ascending, each once");
        }
    }
}

/// Outputs and their layers must agree; each fills in what only the other one knows.
void settle_outputs(Structure& structure) {
    for (Output& output : structure.outputs) {
        Layer& layer = structure.layers[at(output.layer)];
        if (output.size == 0) output.size = output.processing.raw_rows(layer.size);
        if (layer.size == 0) layer.size = output.processing.processed_rows(output.size);
        if (output.processing.processed_rows(output.size) != layer.size) {
            refuse("Network: output of ", output.size, " rows does not fit layer ", output.layer,
                   " of ", layer.size, " neurons");
        }
    }
}

}  // namespace

Structure chain(const std::vector<index_t>& sizes, Transfer hidden, Transfer output) {
    if (sizes.size() < 2) refuse("chain: sizes needs an input and at least one layer");
    Structure structure;
    structure.inputs.push_back(
        {.size = sizes[0], .processing = {}, .range = {}, .processed_range = {}});
    for (std::size_t l = 1; l < sizes.size(); ++l) {
        const bool last = l + 1 == sizes.size();
        const SourceKind kind = l == 1 ? SourceKind::input : SourceKind::layer;
        Layer layer{.size = sizes[l], .transfer = last ? output : hidden, .connections = {}};
        layer.connections.push_back(Connection{});
        layer.connections.push_back(
            {.kind = kind, .source = l == 1 ? 0 : static_cast<index_t>(l) - 2});
        structure.layers.push_back(std::move(layer));
    }
    structure.outputs.push_back({.layer = static_cast<index_t>(sizes.size()) - 2,
                                 .size = 0,
                                 .processing = {},
                                 .range = {}});
    return structure;
}

Network::Network(Structure structure) {
    check(structure);
    settle_outputs(structure);
    become(std::move(structure));
}

Network::Network(const Network& other)
    : performance(other.performance),
      annotations(other.annotations),
      description_(other.description_),
      wb_(std::make_shared<std::vector<double>>(*other.wb_)),
      frozen_(std::make_shared<std::vector<double>>(*other.frozen_)) {}

Network& Network::operator=(const Network& other) {
    if (this != &other) *this = Network(other);
    return *this;
}

Network Network::shared_copy() const { return {performance, description_, wb_, frozen_}; }

namespace {

/// The block of a connection into layer l, without its place among the values.
ParameterBlock block_of(const Structure& structure, index_t l, const Connection& connection) {
    ParameterBlock block;
    block.layer = l;
    block.source = connection.source;
    block.rows = structure.layers[at(l)].size;
    block.learn = connection.learn;
    switch (connection.kind) {
        case SourceKind::bias:
            block.kind = BlockKind::bias;
            block.name = text("b{", l + 1, "}");
            block.cols = 1;
            break;
        case SourceKind::input: {
            const Input& input = structure.inputs[at(connection.source)];
            block.kind = BlockKind::input_weight;
            block.name = text("IW{", l + 1, ",", connection.source + 1, "}");
            block.cols = input.processing.processed_rows(input.size);
            break;
        }
        case SourceKind::layer:
            block.kind = BlockKind::layer_weight;
            block.name = text("LW{", l + 1, ",", connection.source + 1, "}");
            block.cols = structure.layers[at(connection.source)].size;
            break;
    }
    return block;
}

/// The blocks one after the other, learning and frozen ones apart.
Layout layout_of(const Structure& structure) {
    Layout layout;
    index_t learning = 0, frozen = 0;
    double bytes = 0.0;
    for (index_t l = 0; l < count(structure.layers); ++l) {
        for (const Connection& connection : structure.layers[at(l)].connections) {
            ParameterBlock block = block_of(structure, l, connection);
            // Initialisation and changes of the layout hold copies for a while.
            bytes += 24.0 * static_cast<double>(block.rows) * static_cast<double>(block.cols);
            need_memory(bytes, text("Network: with the parameters up to ", block.name, ", it"),
                        "make the layers smaller");
            index_t& offset = block.learn ? learning : frozen;
            block.offset = offset;
            offset += block.size();
            layout.push_back(std::move(block));
        }
    }
    return layout;
}

/// Whether every size is known and every process function fitted to data.
bool complete(const Structure& structure) {
    const auto fitted = [](const auto& end) { return end.size > 0 && end.processing.fitted(); };
    return std::all_of(structure.layers.begin(), structure.layers.end(),
                       [](const Layer& layer) { return layer.size > 0; }) &&
           std::all_of(structure.inputs.begin(), structure.inputs.end(), fitted) &&
           std::all_of(structure.outputs.begin(), structure.outputs.end(), fitted);
}

}  // namespace

std::shared_ptr<const Network::Description> Network::describe(Structure structure, Layout layout) {
    auto graph = complete(structure) ? std::make_shared<const Graph>(structure, layout) : nullptr;
    return std::make_shared<const Description>(
        Description{std::move(structure), std::move(layout), std::move(graph)});
}

void Network::become(Structure structure) {
    Layout blocks = layout_of(structure);
    auto next = describe(std::move(structure), std::move(blocks));
    index_t learning = 0, frozen = 0;
    for (const ParameterBlock& block : next->layout) {
        (block.learn ? learning : frozen) += block.size();
    }
    auto wb = std::make_shared<std::vector<double>>(at(learning), 0.0);
    frozen_ = std::make_shared<std::vector<double>>(at(frozen), 0.0);
    wb_ = std::move(wb);
    description_ = std::move(next);
}

index_t Network::n_outputs() const {
    index_t rows = 0;
    for (const Output& output : structure().outputs) rows += output.size;
    return rows;
}

MatrixView<double> Network::block(const ParameterBlock& block) {
    std::vector<double>& values = block.learn ? *wb_ : *frozen_;
    return {values.data() + block.offset, block.rows, block.cols};
}

MatrixView<const double> Network::block(const ParameterBlock& block) const {
    return const_cast<Network*>(this)->block(block);
}

namespace {

const ParameterBlock& find(const Layout& layout, const std::string& name, const char* function) {
    std::vector<std::string_view> names;
    std::string all;
    for (const ParameterBlock& block : layout) {
        if (block.name == name) return block;
        names.push_back(block.name);
        constexpr std::size_t enough = 12;
        if (names.size() <= enough) all += (all.empty() ? "" : ", ") + block.name;
        if (names.size() == enough + 1) all += ", ...";
    }
    const std::string near = nearest(name, names);
    refuse(function, ": name is '", shown(name), "', but the network has no such block; ",
           near.empty() ? "it has " : "did you mean '" + near + "'? It has ",
           all.empty() ? "none" : all);
}

}  // namespace

MatrixView<double> Network::block(const std::string& name) {
    return block(find(layout(), name, "block"));
}

void Network::set_parameters(VectorView<const double> wb) {
    if (wb.size != n_parameters()) {
        refuse("setwb: wb has ", wb.size, " elements, but the network has ", n_parameters(),
               " parameters");
    }
    for (index_t i = 0; i < wb.size; ++i) {
        if (!std::isfinite(wb[i]))
            refuse("setwb: wb[", i, "] is ", wb[i], "; parameters must be finite");
    }
    for (index_t i = 0; i < wb.size; ++i) (*wb_)[at(i)] = wb[i];
}

void Network::set_learn(const std::string& name, bool learn) {
    const ParameterBlock target = find(layout(), name, "set_learn");
    if (target.learn == learn) return;
    const Network old = shared_copy();
    Structure next = structure();
    for (Connection& connection : next.layers[at(target.layer)].connections) {
        const bool same_kind = static_cast<int>(connection.kind) == static_cast<int>(target.kind);
        if (same_kind && connection.source == target.source) connection.learn = learn;
    }
    become(std::move(next));
    for (std::size_t b = 0; b < layout().size(); ++b) {
        const auto from = old.block(old.layout()[b]);
        std::copy(from.data, from.data + old.layout()[b].size(), block(layout()[b]).data);
    }
}

void Network::set_transfer(index_t layer, Transfer transfer) {
    if (layer < 0 || layer >= count(structure().layers)) {
        refuse("set_transfer: layer ", layer, " does not exist; the network has ",
               count(structure().layers), " layers");
    }
    Structure next = structure();
    next.layers[at(layer)].transfer = transfer;
    description_ = describe(std::move(next), layout());
}

}  // namespace jacnet
