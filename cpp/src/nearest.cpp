#include "nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace jacnet {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t distance(std::string_view x, std::string_view y) {
    const std::size_t width = y.size() + 1;
    std::vector<std::size_t> before(width), above(width), row(width);
    for (std::size_t j = 0; j < width; ++j) row[j] = j;
    for (std::size_t i = 1; i <= x.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j < width; ++j) {
            const bool same = lower(x[i - 1]) == lower(y[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
            const bool swapped = i > 1 && j > 1 && lower(x[i - 1]) == lower(y[j - 2]) &&
                                 lower(x[i - 2]) == lower(y[j - 1]);
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[y.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string_view>& known) {
    constexpr std::size_t longest = 100;  // nobody's typing error; keeps the cost bounded
    if (word.size() > longest) return "";
    std::string_view best;
    std::size_t least = longest;
    for (std::string_view candidate : known) {
        const std::size_t d = distance(word, candidate);
        const std::size_t limit = std::max(word.size(), candidate.size()) / 3;
        if (d <= limit && d < least) {
            best = candidate;
            least = d;
        }
    }
    return std::string(best);
}

}  // namespace jacnet
