#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jacnet {

/// The known word nearest to `word`, for "did you mean" in error messages; "" when none is near.
/// Distance: insertions, deletions, replacements and swaps of neighbours (Damerau-Levenshtein,
/// optimal string alignment), ignoring case; near: at most a third of the longer word's length.
/// The first of equally near words wins. Cost: O(length^2) per known word.
std::string nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace jacnet
