#include "fast_call.hpp"

#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>

#include "ndarray.hpp"
#include "words.hpp"

namespace jacnet::python {

FastSignature::FastSignature(const char* function, std::string call,
                             std::vector<Parameter> parameters)
    : function_(function), call_(std::move(call)), parameters_(std::move(parameters)) {
    if (parameters_.size() > most) throw std::logic_error(call_ + ": too many parameters");
    for (const Parameter& parameter : parameters_) {
        PyObject* name = PyUnicode_InternFromString(parameter.name);
        if (!name) throw py::error_already_set();
        names_.push_back(py::reinterpret_steal<py::str>(name));
        if (!parameter.by_name_only) ++n_positional_;
    }
    if (!parameters_.empty() && std::string_view(parameters_[0].name) == "self") first_ = 1;
}

std::string FastSignature::listed(std::size_t first) const {
    std::string list;
    for (std::size_t i = first; i < parameters_.size(); ++i) {
        if (i > first) list += ", ";
        if (i == n_positional_) list += "*, ";
        list += parameters_[i].name;
        if (parameters_[i].text) list += std::string("=") + parameters_[i].text;
    }
    return "(" + list + ")";
}

void FastSignature::refuse(const std::string& what, const std::string& near) const {
    throw py::type_error(std::string(function_) + ": " + what + near +
                         (near.empty() ? "; call it as " : " Call it as ") + call_ +
                         listed(first_));
}

void FastSignature::refuse_count(std::size_t given) const {
    const std::size_t most_given = n_positional_ - first_;
    refuse("takes " + (most_given > 0 ? std::to_string(most_given) : "no") +
           (most_given == 1 ? " argument" : " arguments") + " by position, got " +
           std::to_string(given - first_));
}

void FastSignature::refuse_missing(std::size_t missing, PyObject* const* values) const {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (values[i] && parameters_[i].look) parameters_[i].look(function_, values[i]);
    }
    refuse(std::string(parameters_[missing].name) + " is missing");
}

std::size_t FastSignature::find(PyObject* name) const {
    for (std::size_t i = first_; i < names_.size(); ++i) {
        if (names_[i].ptr() == name) return i;
    }
    for (std::size_t i = first_; i < names_.size(); ++i) {
        if (PyUnicode_Compare(names_[i].ptr(), name) == 0) return i;
    }
    std::vector<std::string_view> known;
    for (std::size_t i = first_; i < names_.size(); ++i) known.push_back(parameters_[i].name);
    refuse("unknown argument " + quoted(name), suggestion(name, known));
}

void FastSignature::bind(PyObject* const* args, Py_ssize_t n_args, PyObject* names,
                         PyObject** values) const {
    const auto given = static_cast<std::size_t>(n_args);
    if (given > n_positional_) refuse_count(given);
    std::copy(args, args + given, values);
    std::fill(values + given, values + parameters_.size(), nullptr);
    const Py_ssize_t n_names = names ? PyTuple_GET_SIZE(names) : 0;
    for (Py_ssize_t k = 0; k < n_names; ++k) {
        const std::size_t i = find(PyTuple_GET_ITEM(names, k));
        if (values[i]) refuse(std::string(parameters_[i].name) + " is given twice");
        values[i] = args[n_args + k];
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (values[i]) continue;
        if (!parameters_[i].text) refuse_missing(i, values);
        values[i] = parameters_[i].value.ptr();
    }
}

void refuse_self(const char* function, py::handle expected, py::handle self) {
    throw py::type_error(std::string(function) + ": self must be a jacnet." +
                         py::cast<std::string>(expected.attr("__name__")) + ", got " +
                         type_name(self));
}

namespace {

/// The object behind a function. What it points to is never freed: modules of extension types are
/// not unloaded.
struct Callable {
    PyObject_HEAD vectorcallfunc call;
    PyObject* weak_references;
    struct Meaning {
        py::str name, qualified_name, doc, text;
        FastSignature signature;
        FastBody body;
    }* meaning;
};

const Callable::Meaning& meaning(PyObject* self) {
    return *reinterpret_cast<Callable*>(self)->meaning;
}

/// What is thrown becomes Python's exception.
PyObject* call(PyObject* self, PyObject* const* args, std::size_t n_args, PyObject* names) {
    try {
        std::array<PyObject*, FastSignature::most> values;
        const Callable::Meaning& function = meaning(self);
        function.signature.bind(args, PyVectorcall_NARGS(n_args), names, values.data());
        return function.body(values.data()).release().ptr();
    } catch (...) {
        py::detail::try_translate_exceptions();
        return nullptr;
    }
}

PyObject* bound(PyObject* self, PyObject* instance, PyObject*) {
    if (!instance || !meaning(self).signature.is_method()) return Py_NewRef(self);
    return PyMethod_New(self, instance);
}

PyObject* repr(PyObject* self) {
    return PyUnicode_FromFormat("<jacnet function %U>", meaning(self).qualified_name.ptr());
}

/// A text that pickle looks up in the module.
PyObject* reduced(PyObject* self, PyObject*) {
    return Py_NewRef(meaning(self).qualified_name.ptr());
}

template <py::str Callable::Meaning::* text>
PyObject* get(PyObject* self, void*) {
    return Py_NewRef((meaning(self).*text).ptr());
}

void freed(PyObject* self) {
    PyObject_ClearWeakRefs(self);
    PyTypeObject* type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyTypeObject* make_type() {
    static PyMemberDef members[] = {
        {"__vectorcalloffset__", T_PYSSIZET, offsetof(Callable, call), READONLY, nullptr},
        {"__weaklistoffset__", T_PYSSIZET, offsetof(Callable, weak_references), READONLY, nullptr},
        {}};
    static PyGetSetDef properties[] = {
        {"__name__", get<&Callable::Meaning::name>, nullptr, nullptr, nullptr},
        {"__qualname__", get<&Callable::Meaning::qualified_name>, nullptr, nullptr, nullptr},
        {"__doc__", get<&Callable::Meaning::doc>, nullptr, nullptr, nullptr},
        {"__text_signature__", get<&Callable::Meaning::text>, nullptr, nullptr, nullptr},
        {}};
    static PyMethodDef methods[] = {{"__reduce__", reduced, METH_NOARGS, nullptr}, {}};
    static PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(freed)},
                                  {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                  {Py_tp_descr_get, reinterpret_cast<void*>(bound)},
                                  {Py_tp_repr, reinterpret_cast<void*>(repr)},
                                  {Py_tp_members, members},
                                  {Py_tp_getset, properties},
                                  {Py_tp_methods, methods},
                                  {0, nullptr}};
    static PyType_Spec spec{
        "jacnet._core.function", sizeof(Callable), 0,
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    PyObject* type = PyType_FromSpec(&spec);
    if (!type) throw py::error_already_set();
    return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace

py::object fast_function(const std::string& qualified_name, const char* doc,
                         FastSignature signature, FastBody body) {
    static PyTypeObject* const type = make_type();
    auto* made = PyObject_New(Callable, type);
    if (!made) throw py::error_already_set();
    const std::string name = qualified_name.substr(qualified_name.rfind('.') + 1);
    made->call = call;
    made->weak_references = nullptr;
    made->meaning = new Callable::Meaning{
        name, qualified_name, doc, signature.text(), std::move(signature), std::move(body)};
    return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(made));
}

}  // namespace jacnet::python
