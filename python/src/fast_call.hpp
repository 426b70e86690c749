#pragma once
/// Functions of Python's vector calling convention, with arguments by position and by name.
///
/// They spare a call on a small network a tenth of a microsecond against pybind11's own dispatch,
/// and say which argument is missing or unknown, where that lists signatures and values.

#include <pybind11/pybind11.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace jacnet::python {

/// One parameter; `text` is its default in the signature, and nothing for one that is required.
struct Parameter {
    const char* name;
    const char* text;
    pybind11::object value;
    bool by_name_only;
};

inline Parameter required(const char* name) { return {name, nullptr, {}, false}; }
inline Parameter optional(const char* name) { return {name, "None", pybind11::none(), false}; }
inline Parameter keyword(const char* name) { return {name, "None", pybind11::none(), true}; }
inline Parameter keyword(const char* name, const char* text, pybind11::object value) {
    return {name, text, std::move(value), true};
}
inline Parameter optional(const char* name, const char* text, pybind11::object value) {
    return {name, text, std::move(value), false};
}

/// What a function is called by: its parameters, made ready for comparing names.
class FastSignature {
public:
    FastSignature(const char* function, const Parameter* parameters, std::size_t n);

    /// The docstring with the signature in the form that `inspect` reads.
    std::string documented(const char* doc) const;
    /// Borrowed values of all parameters. @throws TypeError
    void bind(PyObject* const* args, Py_ssize_t n_args, PyObject* names, PyObject** values) const;

private:
    std::size_t find(PyObject* name) const;
    std::string text() const;

    const char* function_;
    std::vector<Parameter> parameters_;
    std::vector<pybind11::str> names_;  ///< interned
    std::size_t n_positional_ = 0;
};

/// Calls `body`, which returns a new reference; what it throws becomes Python's exception.
template <class Body>
PyObject* translated(Body&& body) noexcept {
    try {
        return body();
    } catch (...) {
        pybind11::detail::try_translate_exceptions();
        return nullptr;
    }
}

/// Adds function(object, object, ...) to a module, one object for each parameter.
template <std::size_t n, class Function>
void def_fast(pybind11::module_& m, const char* name, const char* doc,
              const Parameter (&parameters)[n], Function function) {
    struct Self {
        FastSignature signature;
        Function function;
        std::string doc;
        PyMethodDef definition{};
    };
    const auto call = [](PyObject* capsule, PyObject* const* args, Py_ssize_t n_args,
                         PyObject* names) -> PyObject* {
        return translated([&] {
            auto& self = *static_cast<Self*>(PyCapsule_GetPointer(capsule, nullptr));
            std::array<PyObject*, n> values;
            self.signature.bind(args, n_args, names, values.data());
            const auto borrowed = [&](std::size_t i) {
                return pybind11::reinterpret_borrow<pybind11::object>(values[i]);
            };
            return [&]<std::size_t... i>(std::index_sequence<i...>) {
                pybind11::object answer = self.function(borrowed(i)...);
                return answer.release().ptr();
            }(std::make_index_sequence<n>{});
        });
    };
    using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
    // Never freed: modules of extension types are not unloaded.
    auto* self = new Self{FastSignature(name, parameters, n), std::move(function), {}, {}};
    self->doc = self->signature.documented(doc);
    const FastFunction fast = call;
    self->definition = {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fast)),
                        METH_FASTCALL | METH_KEYWORDS, self->doc.c_str()};
    const pybind11::capsule owner(self, [](void*) {});
    const auto module_name = pybind11::str(m.attr("__name__"));
    m.attr(name) = pybind11::reinterpret_steal<pybind11::object>(
        PyCFunction_NewEx(&self->definition, owner.ptr(), module_name.ptr()));
}

}  // namespace jacnet::python
