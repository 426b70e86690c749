/// The routes to a curvature matrix: the same matrix, whichever is taken.

#include <algorithm>
#include <cmath>

#include "batch.hpp"
#include "check.hpp"
#include "contraction.hpp"
#include "networks.hpp"
#include "questions.hpp"

using namespace jacnet;

namespace {

example::Matrix contracted(const Plan& plan, const Batch& batch, Curvature kind, Route route) {
    const index_t p = plan.n_parameters;
    example::Matrix h(p, p);
    contract_curvature(plan, batch, Objective::performance, kind, 0.5, h.values.data(), p, nullptr,
                       2, route);
    return h;
}

void check_routes(const std::vector<index_t>& sizes, Transfer output, Curvature kind, index_t n) {
    Network net(chain(sizes, Transfer::tansig, output));
    example::fill(net);
    const example::Matrix x = example::numbers(sizes.front(), n, 0.3);
    example::Matrix t = example::numbers(sizes.back(), n, 1.9);
    t(0, n / 2) = NAN;
    const Samples samples{.x = {x.view()}, .t = {static_cast<const example::Matrix&>(t).view()}};
    const Plan plan(net, "test", Parameters::borrowed);
    const Batch batch(plan, samples, "test");
    const example::Matrix a = contracted(plan, batch, kind, Route::curvature);
    const example::Matrix b = contracted(plan, batch, kind, Route::columns);
    double size = 0.0, difference = 0.0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        size = std::max(size, std::fabs(a.values[i]));
        difference = std::max(difference, std::fabs(a.values[i] - b.values[i]));
    }
    CHECK(size > 0.0);
    CHECK(difference <= 1e-13 * size);
}

}  // namespace

/// The route that is chosen, whichever: the sum of the samples' Hessians, which are made otherwise.
void check_choice(const std::vector<index_t>& sizes, Transfer hidden, Transfer second, index_t n) {
    Structure structure = chain(sizes, hidden, Transfer::purelin);
    structure.layers[1].transfer = second;
    Network net(structure);
    example::fill(net);
    const example::Matrix x = example::numbers(sizes.front(), n, 0.3);
    const example::Matrix t = example::numbers(sizes.back(), n, 1.9);
    const Samples samples{.x = {x.view()}, .t = {t.view()}};
    Linearization lin(net, samples);
    const index_t p = net.n_parameters();
    example::Matrix h(p, p);
    lin.hessian(h.view());
    std::vector<double> each(static_cast<std::size_t>(n * p * p));
    const index_t strides[3] = {p * p, 1, p};
    lin.hessians(each.data(), strides);
    double size = 0.0, difference = 0.0;
    for (index_t e = 0; e < p * p; ++e) {
        double sum = 0.0;
        for (index_t q = 0; q < n; ++q) sum += each[static_cast<std::size_t>(q * p * p + e)];
        size = std::max(size, std::fabs(sum));
        difference = std::max(difference, std::fabs(sum - h.values[static_cast<std::size_t>(e)]));
    }
    CHECK(difference <= 1e-12 * size);
}

int main() {
    for (const index_t n : {2, 9, 94, 700}) {
        check_routes({1, 10, 1}, Transfer::purelin, Curvature::gauss_newton, n);
        check_routes({1, 10, 1}, Transfer::purelin, Curvature::exact, n);
        check_routes({3, 7, 1}, Transfer::purelin, Curvature::exact, n);
        check_routes({2, 1}, Transfer::logsig, Curvature::exact, n);
        check_routes({4, 6, 5, 3}, Transfer::logsig, Curvature::gauss_newton, n);
        check_routes({2, 17, 2}, Transfer::purelin, Curvature::gauss_newton, n);
    }
    for (const Transfer second : {Transfer::purelin, Transfer::relu, Transfer::tansig}) {
        check_choice({6, 11, 23, 1}, Transfer::tansig, second, 20);
        check_choice({2, 4, 3, 1}, Transfer::tansig, second, 6);
        check_choice({1, 5, 9, 1}, Transfer::purelin, second, 30);
        check_choice({2, 38, 1}, Transfer::tansig, second, 9);
    }
    return check::result();
}
