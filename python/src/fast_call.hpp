#pragma once
/// Functions and methods of Python's vector calling convention, with arguments by position and by
/// name.
///
/// They spare a call on a small network a tenth of a microsecond against pybind11's own dispatch,
/// and say which argument is missing or unknown, where that lists signatures and values.

#include <pybind11/pybind11.h>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace jacnet::python {

/// Throws where a value is so wrong that it must be said before what else is missing.
using Look = void (*)(const char* function, pybind11::handle value);

/// One parameter; `text` is its default in the signature, and nothing for one that is required.
struct Parameter {
    const char* name;
    const char* text;
    pybind11::object value;
    bool by_name_only;
    Look look = nullptr;
};

inline Parameter required(const char* name, Look look = nullptr) {
    return {name, nullptr, {}, false, look};
}
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
    /// Most parameters of a function, `self` among them.
    static constexpr std::size_t most = 16;

    /// @param function  the name that messages begin with
    /// @param call      how it is written in a call: "gradient", or "lin.gradient" of a method
    FastSignature(const char* function, std::string call, std::vector<Parameter> parameters);

    const char* function() const { return function_; }
    /// Whether the first parameter is `self`.
    bool is_method() const { return first_ == 1; }
    /// In the form that `inspect` reads: "(self, v, *, out=None)".
    std::string text() const { return listed(0); }
    /// Borrowed values of all parameters. @throws TypeError
    void bind(PyObject* const* args, Py_ssize_t n_args, PyObject* names, PyObject** values) const;

private:
    std::size_t find(PyObject* name) const;
    std::string listed(std::size_t first) const;
    [[noreturn]] void refuse(const std::string& what, const std::string& near = "") const;
    [[noreturn]] void refuse_count(std::size_t given) const;
    [[noreturn]] void refuse_missing(std::size_t missing, PyObject* const* values) const;

    const char* function_;
    std::string call_;
    std::vector<Parameter> parameters_;
    std::vector<pybind11::str> names_;  ///< interned
    std::size_t n_positional_ = 0;
    std::size_t first_ = 0;  ///< the first parameter that a caller writes between brackets
};

/// A value that is borrowed until its taker wants one to own.
struct Borrowed : pybind11::handle {
    using handle::handle;
    operator pybind11::object() const {
        return pybind11::reinterpret_borrow<pybind11::object>(*this);
    }
};

/// Answers from one borrowed value for each parameter.
using FastBody = std::function<pybind11::object(PyObject* const* values)>;

/// What Python sees: a callable object that binds to instances if it is a method, and is pickled by
/// its name.
pybind11::object fast_function(const std::string& qualified_name, const char* doc,
                               FastSignature signature, FastBody body);

/// What a function returns, as Python's.
template <class Answer>
pybind11::object as_object(Answer answer) {
    if constexpr (std::is_base_of_v<pybind11::object, Answer>) {
        return answer;
    } else {
        return pybind11::cast(std::move(answer));
    }
}

/// `function` of n objects as one of values.
template <std::size_t n, class Function>
FastBody unpacked(Function function) {
    return [function = std::move(function)](PyObject* const* values) -> pybind11::object {
        return [&]<std::size_t... i>(std::index_sequence<i...>) {
            return as_object(function(Borrowed(values[i])...));
        }(std::make_index_sequence<n>{});
    };
}

/// Adds function(object, object, ...) to a module, one object for each parameter.
template <std::size_t n, class Function>
void def_fast(pybind11::module_& m, const char* name, const char* doc,
              const Parameter (&parameters)[n], Function function) {
    m.attr(name) = fast_function(name, doc, {name, name, {parameters, parameters + n}},
                                 unpacked<n>(std::move(function)));
}

/// The same without parameters.
template <class Function>
void def_fast(pybind11::module_& m, const char* name, const char* doc, Function function) {
    m.attr(name) = fast_function(name, doc, {name, name, {}}, unpacked<0>(std::move(function)));
}

[[noreturn]] void refuse_self(const char* function, pybind11::handle expected,
                              pybind11::handle self);

/// Refuses an instance of another class.
template <class Class>
void need_self(const char* function, pybind11::handle self) {
    if (!pybind11::isinstance<Class>(self)) {
        refuse_self(function, pybind11::type::of<Class>(), self);
    }
}

/// How a method is named: in its class, in messages, and in a call.
struct MethodName {
    const char* attribute;
    const char* function;
    std::string call;
};

/// Adds function(Class&, object, ...) to a class.
template <class Class, class Function, std::size_t... i>
void def_method(pybind11::class_<Class>& cls, const MethodName& name, const char* doc,
                std::vector<Parameter> parameters, Function function, std::index_sequence<i...>) {
    const auto body = [function = std::move(function),
                       called = name.function](PyObject* const* values) -> pybind11::object {
        need_self<Class>(called, values[0]);
        auto& self = pybind11::cast<Class&>(pybind11::handle(values[0]));
        return as_object(function(self, Borrowed(values[i + 1])...));
    };
    parameters.insert(parameters.begin(), required("self", need_self<Class>));
    const auto in_class = pybind11::cast<std::string>(cls.attr("__name__")) + "." + name.attribute;
    cls.attr(name.attribute) =
        fast_function(in_class, doc, {name.function, name.call, std::move(parameters)}, body);
}

template <class Class, std::size_t n, class Function>
void def_method(pybind11::class_<Class>& cls, const MethodName& name, const char* doc,
                const Parameter (&parameters)[n], Function function) {
    def_method(cls, name, doc, {parameters, parameters + n}, std::move(function),
               std::make_index_sequence<n>{});
}

/// The same without parameters.
template <class Class, class Function>
void def_method(pybind11::class_<Class>& cls, const MethodName& name, const char* doc,
                Function function) {
    def_method(cls, name, doc, std::vector<Parameter>{}, std::move(function),
               std::index_sequence<>{});
}

}  // namespace jacnet::python
