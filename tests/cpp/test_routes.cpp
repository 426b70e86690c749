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

int main() {
    for (const index_t n : {2, 9, 94, 700}) {
        check_routes({1, 10, 1}, Transfer::purelin, Curvature::gauss_newton, n);
        check_routes({1, 10, 1}, Transfer::purelin, Curvature::exact, n);
        check_routes({3, 7, 1}, Transfer::purelin, Curvature::exact, n);
        check_routes({2, 1}, Transfer::logsig, Curvature::exact, n);
        check_routes({4, 6, 5, 3}, Transfer::logsig, Curvature::gauss_newton, n);
        check_routes({2, 17, 2}, Transfer::purelin, Curvature::gauss_newton, n);
    }
    return check::result();
}
