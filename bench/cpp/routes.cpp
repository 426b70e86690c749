/// The two routes to a curvature matrix, timed in turns on networks of many shapes, one thread: how
/// far the one that the cost model chooses is off the better one.
///
/// A line per network and matrix: milliseconds of both routes, the chosen one, and its time over
/// the better one's. The last line is the worst of these. Medians of 7 turns.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "batch.hpp"
#include "contraction.hpp"
#include "questions.hpp"

namespace {

using namespace jacnet;
using Clock = std::chrono::steady_clock;

struct Case {
    std::vector<index_t> sizes;
    index_t n;
};

std::string name(const Case& c) {
    std::ostringstream text;
    const char* between = "";
    for (const index_t size : c.sizes) {
        text << between << size;
        between = "-";
    }
    text << ", N=" << c.n;
    return text.str();
}

std::vector<double> numbers(index_t n, std::mt19937_64& source) {
    std::uniform_real_distribution<double> uniform(-1.0, 1.0);
    std::vector<double> values(static_cast<std::size_t>(n));
    for (double& v : values) v = uniform(source);
    return values;
}

/// Milliseconds by both routes, curvature first.
std::vector<double> milliseconds(const Plan& plan, const Batch& batch, Curvature kind,
                                 std::vector<double>& h) {
    std::vector<double> times[2];
    for (int turn = 0; turn < 8; ++turn) {
        for (const Route route : {Route::curvature, Route::columns}) {
            const auto start = Clock::now();
            contract_curvature(plan, batch, Objective::performance, kind, 1.0, h.data(),
                               plan.n_parameters, nullptr, 1, route);
            const double time = std::chrono::duration<double>(Clock::now() - start).count();
            if (turn > 0) times[route == Route::columns].push_back(1e3 * time);
        }
    }
    for (auto& t : times) std::sort(t.begin(), t.end());
    return {times[0][3], times[1][3]};
}

/// The chosen route's time over the better one's.
double compare(const Case& c, Curvature kind) {
    std::mt19937_64 source(1);
    const std::vector<double> x = numbers(c.sizes.front() * c.n, source);
    const std::vector<double> t = numbers(c.sizes.back() * c.n, source);
    const Samples samples{.x = {{x.data(), c.sizes.front(), c.n}},
                          .t = {{t.data(), c.sizes.back(), c.n}}};
    Network net(chain(c.sizes));
    net.configure(samples.x, samples.t);
    const std::vector<double> w = numbers(net.n_parameters(), source);
    net.set_parameters({w.data(), net.n_parameters()});
    const Plan plan(net, "bench_routes", Parameters::borrowed);
    const Batch batch(plan, samples, "bench_routes");
    std::vector<double> h(w.size() * w.size());
    const std::vector<double> times = milliseconds(plan, batch, kind, h);
    const bool columns = Contraction::choose(plan, kind, Objective::performance) == Route::columns;
    const double ratio = times[columns] / *std::min_element(times.begin(), times.end());
    std::printf("%-28s %-12s curvature %9.3f ms, columns %9.3f ms, chosen: %-9s %5.2f\n",
                name(c).c_str(), kind == Curvature::exact ? "exact" : "gauss-newton", times[0],
                times[1], columns ? "columns" : "curvature", ratio);
    return ratio;
}

}  // namespace

int main() {
    const std::vector<Case> cases{
        {{1, 10, 1}, 94},       {{1, 10, 1}, 10000},        {{8, 30, 1}, 1000},
        {{1, 200, 1}, 100},     {{10, 5, 2}, 1000},         {{10, 10, 10, 2}, 1000},
        {{30, 20, 3}, 500},     {{10, 20, 20, 3}, 1000},    {{10, 32, 32, 32, 1}, 1000},
        {{20, 64, 64, 5}, 200}, {{4, 60, 60, 2}, 300},      {{64, 100, 10}, 200},
        {{200, 20, 1}, 500},    {{10, 64, 64, 64, 1}, 200}, {{100, 8, 8}, 1000},
    };
    double worst = 1.0;
    for (const Case& c : cases) {
        worst = std::max(worst, compare(c, Curvature::gauss_newton));
        // The exact Hessian goes by columns for shallow networks of one output alone.
        if (c.sizes.size() == 3 && c.sizes.back() == 1) {
            worst = std::max(worst, compare(c, Curvature::exact));
        }
    }
    std::printf("worst: %.2f times the better route\n", worst);
    return 0;
}
