#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;

namespace {

/// Three outputs a = f(b): the bias is the net input.
Network function_of_bias(Transfer f, const std::vector<double>& n) {
    Network net(chain({1, 3}, Transfer::tansig, f));
    for (index_t i = 0; i < 3; ++i) net.block("b{1}")(i, 0) = n[static_cast<std::size_t>(i)];
    return net;
}

std::vector<double> values(Transfer f, const std::vector<double>& n) {
    const double x = 0.0;
    std::vector<double> y(3);
    simulate(function_of_bias(f, n), {{&x, 1, 1}}, {y.data(), 3, 1});
    return y;
}

void names_lead_back() {
    CHECK_EQUAL(transfer_functions().size(), 26u);
    for (Transfer f : transfer_functions()) CHECK(transfer_from_name(name(f)) == f);
    CHECK(transfer_from_name("tanh") == Transfer::tansig);
    CHECK(transfer_from_name("swish") == Transfer::silu);
    CHECK_THROWS(transfer_from_name("tansgi"), std::invalid_argument, "tansig");
}

void values_lie_in_the_range() {
    for (Transfer f : transfer_functions()) {
        const Range range = output_range(f);
        for (double a : values(f, {-3.0, 0.4, 25.0})) CHECK(range.lo <= a && a <= range.hi);
    }
}

/// Smooth at these net inputs: dy/db against a central difference.
void slopes_agree_with_differences() {
    const std::vector<double> n{-0.7, 0.3, 1.6};
    for (Transfer f : transfer_functions()) {
        const double x = 0.0;
        Linearization lin(function_of_bias(f, n), {.x = {{&x, 1, 1}}, .t = {}});
        example::Matrix j(6, 3);
        lin.jacobian(j.view());
        for (std::size_t i = 0; i < 3; ++i) {
            auto above = n, below = n;
            above[i] += 1e-6;
            below[i] -= 1e-6;
            const auto up = values(f, above), down = values(f, below);
            for (std::size_t k = 0; k < 3; ++k) {
                CHECK_CLOSE(j(static_cast<index_t>(i), static_cast<index_t>(k)),
                            (up[k] - down[k]) / 2e-6, 1e-8);
            }
        }
    }
}

void slopes_keep_their_digits_in_the_tails() {
    const double x = 0.0;
    Linearization lin(function_of_bias(Transfer::tansig, {20.0, -20.0, 300.0}),
                      {.x = {{&x, 1, 1}}, .t = {}});
    example::Matrix j(6, 3);
    lin.jacobian(j.view());
    const double at_20 = 4.0 * std::exp(-40.0);  // 1 - tanh(20)^2, to 17 digits
    CHECK_CLOSE(j(0, 0) / at_20, 1.0, 1e-15);
    CHECK_CLOSE(j(1, 1) / at_20, 1.0, 1e-15);
    CHECK_CLOSE(j(2, 2) / (4.0 * std::exp(-600.0)), 1.0, 1e-14);
}

void coupled_functions_are_named() {
    CHECK(has_matrix_slope(Transfer::softmax) && has_matrix_slope(Transfer::radbasn));
    CHECK(couples_features(Transfer::compet) && !has_matrix_slope(Transfer::compet));
    CHECK(!couples_features(Transfer::tansig));
}

}  // namespace

int main() {
    names_lead_back();
    values_lie_in_the_range();
    slopes_agree_with_differences();
    slopes_keep_their_digits_in_the_tails();
    coupled_functions_are_named();
    return check::result();
}
