#pragma once
/// Words and flags among the arguments, and the words of messages.

#include <pybind11/pybind11.h>

#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace jacnet::python {

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream stream;
    (stream << ... << parts);
    return stream.str();
}

/// The name of an object's type, for messages.
std::string type_name(pybind11::handle object);

/// A text as messages show it: in quotes, and its start only where it is long.
std::string quoted(pybind11::handle word);

/// "; did you mean 'order'?" when one of `known` is near, else "".
std::string suggestion(pybind11::handle word, const std::vector<std::string_view>& known);

/// A text; anything else is refused. `expected` says what the text would be.
std::string word(pybind11::handle object, const char* function, const char* argument,
                 std::string_view expected);

/// The place of a word among those that are known.
/// @param hint  what to say of something that is no text at all
/// @throws TypeError, ValueError with the nearest word
std::size_t one_of(pybind11::handle object, const char* function, const char* argument,
                   std::initializer_list<std::string_view> known, const char* hint = "");

/// What a name stands for, by `from_name`, whose refusal gets the function and the argument.
template <class FromName>
auto named(pybind11::handle object, const char* function, const char* argument,
           std::string_view expected, FromName from_name) {
    const std::string name = word(object, function, argument, expected);
    try {
        return from_name(name);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(text(function, ": ", argument, ": ", error.what()));
    }
}

/// True or False, NumPy's as well.
bool flag(pybind11::handle object, const char* function, const char* argument);

}  // namespace jacnet::python
