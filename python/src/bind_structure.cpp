/// The structure of a network: what it is made from, and what can be read of it.

#include <pybind11/stl.h>

#include "data.hpp"
#include "fast_call.hpp"
#include "options.hpp"
#include "processing_steps.hpp"
#include "words.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

Transfer transfer_named(py::handle name, const char* function, const char* argument) {
    return named(name, function, argument, "the name of a transfer function", transfer_from_name);
}

void build(Network& net, const std::vector<index_t>& input_sizes,
           const std::vector<index_t>& layer_sizes, const std::vector<py::object>& transfer,
           const std::vector<bool>& bias, const std::vector<std::vector<index_t>>& input_sources,
           const std::vector<std::vector<index_t>>& layer_sources,
           const std::vector<index_t>& output_layers, const std::vector<Steps>& input_processing,
           const std::vector<Steps>& output_processing) {
    const std::size_t n_layers = layer_sizes.size();
    if (transfer.size() != n_layers || bias.size() != n_layers ||
        input_sources.size() != n_layers || layer_sources.size() != n_layers ||
        input_processing.size() != input_sizes.size() ||
        output_processing.size() != output_layers.size()) {
        throw py::value_error(
            "Network: transfer, bias and the connections need one entry per "
            "layer, processing one per input and output");
    }
    Structure s;
    for (std::size_t j = 0; j < input_sizes.size(); ++j) {
        s.inputs.push_back(
            {input_sizes[j], make_processing(input_processing[j], "input_processing"), {}, {}});
    }
    for (std::size_t l = 0; l < n_layers; ++l) {
        Layer layer{layer_sizes[l], transfer_named(transfer[l], "Network", "transfer"), {}};
        if (bias[l]) layer.connections.push_back({});
        for (const index_t j : input_sources[l]) {
            layer.connections.push_back({SourceKind::input, j});
        }
        for (const index_t j : layer_sources[l]) {
            layer.connections.push_back({SourceKind::layer, j});
        }
        s.layers.push_back(std::move(layer));
    }
    for (std::size_t o = 0; o < output_layers.size(); ++o) {
        s.outputs.push_back(
            {output_layers[o], 0, make_processing(output_processing[o], "output_processing"), {}});
    }
    net = Network(std::move(s));
}

py::object set_transfer(Network& net, py::object layer, py::object name) {
    const std::optional<long long> index = whole_number(layer);
    if (!index) {
        throw py::type_error(
            text("set_transfer: layer must be a whole number from 0, got ", type_name(layer)));
    }
    net.set_transfer(static_cast<index_t>(*index), transfer_named(name, "set_transfer", "name"));
    return py::none();
}

/// Per layer, the sources of its connections of one kind.
std::vector<std::vector<index_t>> sources(const Network& net, SourceKind kind) {
    std::vector<std::vector<index_t>> all;
    for (const Layer& layer : net.structure().layers) {
        std::vector<index_t> own;
        for (const Connection& c : layer.connections) {
            if (c.kind == kind) own.push_back(c.source);
        }
        all.push_back(std::move(own));
    }
    return all;
}

template <class Items, class Get>
py::list list_of(const Items& items, Get&& get) {
    py::list all;
    for (const auto& item : items) all.append(py::cast(get(item)));
    return all;
}

template <class Items>
py::list processing_list(const Items& items) {
    py::list all;
    for (const auto& item : items) {
        py::list steps;
        for (const ProcessStep& step : item.processing.steps) steps.append(step_dict(step));
        all.append(steps);
    }
    return all;
}

/// Ranges as (rows, 2): lo, hi.
template <class Items>
py::list range_list(const Items& items) {
    py::list all;
    for (const auto& item : items) {
        py::array_t<double> range(
            {static_cast<py::ssize_t>(item.range.size() / 2), py::ssize_t{2}});
        std::copy_n(item.range.begin(), range.size(), range.mutable_data());
        all.append(range);
    }
    return all;
}

void bind_build(py::class_<Network>& cls) {
    using Object = py::object;
    using Sizes = std::vector<index_t>;
    def_method(
        cls, {"_build", "_build", "net._build"},
        "Becomes a network of this structure, with zero parameters.",
        {required("input_sizes"), required("layer_sizes"), required("transfer"), required("bias"),
         required("input_sources"), required("layer_sources"), required("output_layers"),
         required("input_processing"), required("output_processing")},
        [](Network& net, Object inputs, Object layers, Object transfer, Object bias,
           Object input_sources, Object layer_sources, Object outputs, Object before,
           Object after) {
            build(net, py::cast<Sizes>(inputs), py::cast<Sizes>(layers),
                  py::cast<std::vector<Object>>(transfer), py::cast<std::vector<bool>>(bias),
                  py::cast<std::vector<Sizes>>(input_sources),
                  py::cast<std::vector<Sizes>>(layer_sources), py::cast<Sizes>(outputs),
                  py::cast<std::vector<Steps>>(before), py::cast<std::vector<Steps>>(after));
            return py::none();
        });
    def_method(cls, {"set_transfer", "set_transfer", "net.set_transfer"},
               "Another transfer function for a layer, counted from 0.",
               {required("layer"), required("name")}, set_transfer);
}

}  // namespace

void bind_structure(py::module_& m) {
    auto cls = py::reinterpret_borrow<py::class_<Network>>(m.attr("Network"));
    bind_build(cls);
    cls.def_property_readonly("input_sizes", input_rows)
        .def_property_readonly("output_sizes", output_rows)
        .def_property_readonly("layer_sizes",
                               [](const Network& net) {
                                   return list_of(net.structure().layers,
                                                  [](const Layer& l) { return l.size; });
                               })
        .def_property_readonly("output_layers",
                               [](const Network& net) {
                                   return list_of(net.structure().outputs,
                                                  [](const Output& o) { return o.layer; });
                               })
        .def_property_readonly("transfer",
                               [](const Network& net) {
                                   return list_of(net.structure().layers, [](const Layer& l) {
                                       return std::string(name(l.transfer));
                                   });
                               })
        .def_property_readonly("bias_connect",
                               [](const Network& net) {
                                   py::list all;
                                   for (const auto& own : sources(net, SourceKind::bias)) {
                                       all.append(py::bool_(!own.empty()));
                                   }
                                   return all;
                               })
        .def_property_readonly("input_sources",
                               [](const Network& net) { return sources(net, SourceKind::input); })
        .def_property_readonly("layer_sources",
                               [](const Network& net) { return sources(net, SourceKind::layer); })
        .def_property_readonly(
            "input_processing",
            [](const Network& net) { return processing_list(net.structure().inputs); })
        .def_property_readonly(
            "output_processing",
            [](const Network& net) { return processing_list(net.structure().outputs); })
        .def_property_readonly(
            "input_ranges", [](const Network& net) { return range_list(net.structure().inputs); })
        .def_property_readonly(
            "output_ranges", [](const Network& net) { return range_list(net.structure().outputs); })
        .def_property_readonly("configured", &Network::configured);
}
