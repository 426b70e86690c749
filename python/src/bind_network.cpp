/// Network: parameters, settings, configuration, files; bind_structure has the rest.

#include <pybind11/stl.h>

#include "data.hpp"
#include "fast_call.hpp"
#include "options.hpp"
#include "results.hpp"
#include "unlocked.hpp"
#include "words.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

/// Makes a whole, empty network: a subclass whose __init__ is not done yet, or never runs, then
/// meets the messages of an unconfigured network instead of raw memory.
PyObject* new_network(PyTypeObject* type, PyObject*, PyObject*) {
    if (py::detail::all_type_info(type).size() != 1) {
        PyErr_SetString(PyExc_TypeError,
                        "Network: a class cannot be a network and another compiled type at once");
        return nullptr;
    }
    PyObject* self = py::detail::make_new_instance(type);
    const auto value = reinterpret_cast<py::detail::instance*>(self)->get_value_and_holder(
        py::detail::get_type_info(typeid(Network)));
    value.value_ptr() = new Network();
    value.type->init_instance(reinterpret_cast<py::detail::instance*>(self), nullptr);
    return self;
}

/// A view that keeps the values alive even when the network is laid out anew.
py::array owned_view(const std::shared_ptr<std::vector<double>>& storage, const double* data,
                     std::vector<py::ssize_t> shape) {
    auto* owner = new std::shared_ptr<std::vector<double>>(storage);
    const py::capsule base(
        owner, [](void* p) { delete static_cast<std::shared_ptr<std::vector<double>>*>(p); });
    std::vector<py::ssize_t> strides;
    py::ssize_t step = sizeof(double);
    for (const py::ssize_t length : shape) {
        strides.push_back(step);
        step *= length;
    }
    return py::array(py::dtype::of<double>(), shape, strides, data, base);
}

py::array wb_view(const Network& net) {
    const auto storage = net.parameter_storage();
    return owned_view(storage, storage->data(), {net.n_parameters()});
}

py::array block_view(Network& net, const std::string& name) {
    const MatrixView<double> values = net.block(name);
    for (const ParameterBlock& block : net.layout()) {
        if (block.name != name) continue;
        const auto storage = block.learn ? net.parameter_storage() : net.frozen_storage();
        if (block.kind == BlockKind::bias) return owned_view(storage, values.data, {block.rows});
        return owned_view(storage, values.data, {block.rows, block.cols});
    }
    throw std::logic_error("block: found and lost; please report this as a bug in jacnet");
}

py::list block_rows(const Network& net) {
    constexpr const char* kinds[] = {"b", "IW", "LW"};
    py::list rows;
    for (const ParameterBlock& b : net.layout()) {
        rows.append(py::make_tuple(b.name, kinds[static_cast<int>(b.kind)], b.layer, b.source,
                                   b.learn ? b.offset : index_t{-1}, b.rows, b.cols, b.learn));
    }
    return rows;
}

py::object assign(Network& net, py::object other) {
    if (!py::isinstance<Network>(other)) {
        throw py::type_error(
            text("assign: other must be a jacnet.Network, got ", type_name(other)));
    }
    net = py::cast<const Network&>(other);
    return py::none();
}

py::object set_wb(Network& net, py::object values) {
    const py::array wb = doubles(values, {"setwb", "wb"});
    if (wb.ndim() != 1) {
        throw py::value_error("setwb: wb has shape " + shape_text(wb) +
                              ", expected a flat vector of " + std::to_string(net.n_parameters()) +
                              " elements");
    }
    net.set_parameters(vector(wb));
    return py::none();
}

py::object set_learn(Network& net, py::object name, py::object learn) {
    const std::string block = word(name, "set_learn", "name", "the name of a block");
    net.set_learn(block, flag(learn, "set_learn", "flag"));
    return py::none();
}

/// How to split one array among several inputs or outputs; a single one may change its size.
std::vector<index_t> known_rows(const std::vector<index_t>& rows) {
    return rows.size() > 1 ? rows : std::vector<index_t>(rows.size(), 0);
}

py::object configure(Network& net, py::object x, py::object t) {
    const Signals sx(x, {"configure", "x"}, known_rows(input_rows(net)));
    const Signals st(t, {"configure", "t"}, known_rows(output_rows(net)));
    const InterruptCheck check(check_signals);
    net.configure(sx.views(), st.views());
    return py::none();
}

void set_regularization(Network& net, py::object given) {
    const double r = PyFloat_AsDouble(given.ptr());
    if (PyErr_Occurred()) {
        PyErr_Clear();
        throw py::type_error("Network: regularization must be a number, got " + type_name(given));
    }
    if (!(r >= 0.0 && r <= 1.0)) {
        throw py::value_error(text("Network: regularization is ", r, ", expected 0 to 1"));
    }
    net.performance.regularization = r;
}

void set_annotations(Network& net, py::object given) {
    try {
        net.annotations = py::cast<std::map<std::string, std::string>>(given);
    } catch (const py::cast_error&) {
        throw py::type_error("Network: annotations must be a dict of texts, got " +
                             type_name(given) + (PyDict_Check(given.ptr()) ? " of others" : ""));
    }
}

py::array outputs(const Network& net, py::object x, py::object n_threads, py::object out) {
    const auto threads = thread_count(n_threads, "sim");
    const Signals sx(x, {"sim", "x"}, input_rows(net));
    const index_t samples = sx.views().empty() ? 0 : sx.views()[0].cols;
    const py::array y =
        result(out, {"sim", "out"}, {{net.n_outputs(), samples}, instead::fewer_columns});
    refuse_overlap(y, "sim", sx.arrays(), "x");
    refuse_overlap(y, "sim", net);
    const double work =
        2.0 * static_cast<double>(net.n_parameters() + 1) * static_cast<double>(samples);
    unlocked(work, net, [&](const Network& own) { simulate(own, sx.views(), matrix(y), threads); });
    return y;
}

void bind_methods(py::class_<Network>& cls) {
    def_method(cls, {"block", "block", "net.block"},
               "A writable view of one block: (S,) for a bias, else (S, C) in Fortran order.",
               {required("name")}, [](Network& net, py::object name) {
                   return block_view(net, word(name, "block", "name", "the name of a block"));
               });
    def_method(cls, {"assign", "assign", "net.assign"}, "Becomes a deep copy of the other network.",
               {required("other")}, assign);
    def_method(cls, {"__call__", "sim", "net"}, "Network outputs, S x Q.",
               {required("x"), keyword("n_threads"), keyword("out")}, outputs);
    def_method(cls, {"set_learn", "set_learn", "net.set_learn"},
               "Freezes or frees a block; wb changes its length accordingly.",
               {required("name"), required("flag")}, set_learn);
    def_method(cls, {"configure", "configure", "net.configure"},
               "Takes sizes, ranges and process functions from data.",
               {required("x"), required("t")}, configure);
    def_method(cls, {"init", "init", "net.init"}, "Draws new weights (Nguyen-Widrow).",
               {optional("seed")}, [](Network& net, py::object seed) {
                   net.initialize(random_seed(seed, "init"));
                   return py::none();
               });
    def_method(cls, {"setwb", "setwb", "net.setwb"}, "Sets every parameter from a vector, (P,).",
               {required("wb")}, set_wb);
    def_method(cls, {"to_bytes", "to_bytes", "net.to_bytes"},
               "Structure, settings and parameters as bytes, such as a file has.",
               [](Network& net) { return py::bytes(to_bytes(net)); });
}

}  // namespace

void bind_network(py::module_& m) {
    py::class_<Network> cls(m, "Network", py::custom_type_setup([](PyHeapTypeObject* type) {
                                type->ht_type.tp_new = &new_network;
                            }),
                            "A network and its parameters; see jacnet.Network.");
    cls.def_property_readonly("n_parameters", &Network::n_parameters)
        .def_property_readonly("wb", &wb_view, "The parameter vector (P,), a writable view.")
        .def_property_readonly("blocks", &block_rows)
        .def_property(
            "performance",
            [](const Network& net) { return std::string(name(net.performance.function)); },
            [](Network& net, py::object function) {
                net.performance.function =
                    named(function, "Network", "performance", "the name of a performance function",
                          performance_from_name);
            })
        .def_property(
            "normalization",
            [](const Network& net) { return std::string(name(net.performance.normalization)); },
            [](Network& net, py::object name) {
                net.performance.normalization =
                    named(name, "Network", "normalization", "'none', 'standard' or 'percent'",
                          normalization_from_name);
            })
        .def_property(
            "regularization", [](const Network& net) { return net.performance.regularization; },
            set_regularization)
        .def_property(
            "annotations",
            [](const Network& net) {  // a copy would take writes and lose them
                return py::module_::import("types").attr("MappingProxyType")(
                    py::cast(net.annotations));
            },
            set_annotations);
    bind_methods(cls);
    def_fast(
        m, "network_of_bytes", "The network of such bytes as to_bytes returns.", {required("data")},
        [](py::object data) {
            if (!PyBytes_Check(data.ptr())) {
                throw py::type_error("from_bytes: data must be bytes, as to_bytes returns, got " +
                                     type_name(data));
            }
            return from_bytes(py::cast<std::string>(data));
        });
}
