#pragma once
/// How errors speak: one sentence with function, argument, what came, what was expected, remedy.

#include <sstream>
#include <stdexcept>
#include <string>

namespace jacnet {

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream stream;
    stream.precision(17);
    (stream << ... << parts);
    return stream.str();
}

/// The caller's mistake.
template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
    throw std::invalid_argument(text(parts...));
}

}  // namespace jacnet
