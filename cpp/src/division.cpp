#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "errors.hpp"
#include "jacnet/training.hpp"
#include "names.hpp"
#include "uniform.hpp"

namespace jacnet {

namespace {

constexpr std::array<std::string_view, 5> names{"dividerand", "divideblock", "divideint",
                                                "divideind", "dividetrain"};

struct Shares {
    double train, validation, test;
};

Shares shares(const DivisionSettings& s) {
    for (const double ratio : {s.train_ratio, s.validation_ratio, s.test_ratio}) {
        if (!(ratio >= 0.0) || !std::isfinite(ratio)) {
            refuse("train: divideParam ratios must be finite and not negative, got ", ratio);
        }
    }
    const double total = s.train_ratio + s.validation_ratio + s.test_ratio;
    if (total <= 0.0) refuse("train: divideParam ratios are all 0, expected one above 0");
    return {s.train_ratio / total, s.validation_ratio / total, s.test_ratio / total};
}

/// Consecutive parts of `order`: training first, then validation, then test samples.
DivisionIndices parts(const std::vector<index_t>& order, index_t validation, index_t test) {
    const auto train_end = order.end() - (validation + test);
    DivisionIndices d{{order.begin(), train_end},
                      {train_end, train_end + validation},
                      {train_end + validation, order.end()}};
    for (auto* part : {&d.train, &d.validation, &d.test}) std::sort(part->begin(), part->end());
    return d;
}

index_t share_of(index_t n, double share, double (*rounding)(double)) {
    return static_cast<index_t>(rounding(share * static_cast<double>(n)));
}

DivisionIndices interleaved(index_t n, const Shares& share) {
    const std::array<double, 3> wanted{share.train, share.validation, share.test};
    std::array<std::vector<index_t>, 3> sets;
    for (index_t q = 0; q < n; ++q) {
        std::size_t neediest = 0;
        double largest = -1.0;
        for (std::size_t s = 0; s < 3; ++s) {
            const double deficit =
                wanted[s] * static_cast<double>(q + 1) - static_cast<double>(sets[s].size());
            if (deficit > largest) {
                largest = deficit;
                neediest = s;
            }
        }
        sets[neediest].push_back(q);
    }
    return {sets[0], sets[1], sets[2]};
}

}  // namespace

std::string_view name(Division division) { return names[static_cast<std::size_t>(division)]; }

Division division_from_name(std::string_view name) {
    return enumerator<Division>("division function", name, names);
}

const std::vector<Division>& division_functions() {
    static const std::vector<Division> all{Division::dividerand, Division::divideblock,
                                           Division::divideint, Division::divideind,
                                           Division::dividetrain};
    return all;
}

DivisionIndices divide(index_t n, const DivisionSettings& settings, UniformSource& uniform) {
    std::vector<index_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), index_t{0});
    const auto nearest_whole = [](double v) { return std::round(v); };
    const auto whole_below = [](double v) { return std::floor(v); };
    switch (settings.function) {
        case Division::dividetrain:
            return {order, {}, {}};
        case Division::divideind:
            for (const auto* part : {&settings.train, &settings.validation, &settings.test}) {
                for (const index_t i : *part) {
                    if (i < 0 || i >= n) {
                        refuse("train: divideParam index ", i, " is outside of 0 to ", n - 1);
                    }
                }
            }
            return {settings.train, settings.validation, settings.test};
        case Division::divideint:
            return interleaved(n, shares(settings));
        case Division::divideblock: {
            const Shares share = shares(settings);
            return parts(order, share_of(n, share.validation, whole_below),
                         share_of(n, share.test, whole_below));
        }
        case Division::dividerand:
            break;
    }
    const Shares share = shares(settings);
    std::vector<double> draws(order.size());
    for (double& draw : draws) draw = uniform();
    std::stable_sort(order.begin(), order.end(), [&](index_t a, index_t b) {
        return draws[static_cast<std::size_t>(a)] < draws[static_cast<std::size_t>(b)];
    });
    const index_t validation = share_of(n, share.validation, nearest_whole);
    return parts(order, validation,
                 std::min(share_of(n, share.test, nearest_whole), n - validation));
}

}  // namespace jacnet
