#pragma once
/// How errors speak: one sentence with function, argument, what came, what was expected, remedy.

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "jacnet/view.hpp"

namespace jacnet {

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream stream;
    stream.precision(17);
    (stream << ... << parts);
    return stream.str();
}

/// The start of a word that is long.
inline std::string shown(std::string_view word) {
    constexpr std::size_t most = 60;
    return std::string(word.substr(0, most)) + (word.size() > most ? "..." : "");
}

/// The caller's mistake.
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    throw std::invalid_argument(text(parts...));
}

/// Refuses a result of another shape.
template <class T>
void check_out(const char* function, const MatrixView<T>& out, index_t rows, index_t cols) {
    if (out.rows != rows || out.cols != cols) {
        refuse(function, ": out has shape (", out.rows, ", ", out.cols, "), expected (", rows, ", ",
               cols, ")");
    }
}

template <class T>
void check_out(const char* function, const VectorView<T>& out, index_t size) {
    if (out.size != size) {
        refuse(function, ": out has ", out.size, " elements, expected ", size);
    }
}

}  // namespace jacnet
