#include "jacnet/performance.hpp"

#include <array>
#include <string>

#include "errors.hpp"
#include "names.hpp"

namespace jacnet {

namespace {

constexpr std::array<std::string_view, 5> performances{"mse", "sse", "mae", "sae", "crossentropy"};
constexpr std::array<std::string_view, n_normalizations> normalizations{"none", "standard",
                                                                        "percent"};

}  // namespace

std::string_view name(Performance function) {
    return performances[static_cast<std::size_t>(function)];
}

std::string_view name(Normalization normalization) {
    return normalizations[static_cast<std::size_t>(normalization)];
}

Performance performance_from_name(std::string_view name) {
    return enumerator<Performance>("performance function", name, performances);
}

Normalization normalization_from_name(std::string_view name) {
    return enumerator<Normalization>("normalization", name, normalizations);
}

const std::vector<Performance>& performance_functions() {
    static const std::vector<Performance> all{Performance::mse, Performance::sse, Performance::mae,
                                              Performance::sae, Performance::crossentropy};
    return all;
}

bool is_mean(Performance function) {
    return function == Performance::mse || function == Performance::mae ||
           function == Performance::crossentropy;
}

}  // namespace jacnet
