#pragma once
/// From a name to an enumerator, with help for the misspelt.

#include <span>
#include <string_view>
#include <vector>

#include "errors.hpp"
#include "nearest.hpp"

namespace jacnet {

/// The enumerator whose name stands at its number in `names`.
/// @throws std::invalid_argument  with the nearest name and the list
template <class Enum>
Enum enumerator(std::string_view what, std::string_view word,
                std::span<const std::string_view> names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == word) return static_cast<Enum>(i);
    }
    const std::string near = nearest(word, {names.begin(), names.end()});
    std::string list;
    for (const auto& known : names) list += (list.empty() ? "" : ", ") + std::string(known);
    refuse("unknown ", what, " '", shown(word), "'",
           near.empty() ? "" : "; did you mean '" + near + "'?",
           near.empty() ? "; known: " : " Known: ", list);
}

}  // namespace jacnet
