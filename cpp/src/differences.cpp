/// Finite differences in the manner of num2deriv and num5deriv: checks for the exact derivatives.
#include "errors.hpp"
#include "jacnet/derivatives.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// sum(weight * f(step * multiple)) / step approximates the derivative.
struct Term {
    double multiple, weight;
};

struct Formula {
    double step;
    std::vector<Term> terms;
};

Formula formula(Stencil stencil) {
    if (stencil == Stencil::two_point) return {1e-7, {{1.0, 1.0}, {0.0, -1.0}}};
    return {1e-5, {{-2.0, 1.0 / 12}, {-1.0, -8.0 / 12}, {1.0, 8.0 / 12}, {2.0, -1.0 / 12}}};
}

/// The name of the function in messages.
const char* function(Stencil stencil) {
    return stencil == Stencil::two_point ? "num2deriv" : "num5deriv";
}

/// Calls evaluate(network, i, weight / step) for every parameter i and term of the stencil.
template <class Evaluate>
void for_each_perturbation(const Network& net, Stencil stencil, Evaluate&& evaluate) {
    const Formula f = formula(stencil);
    Network changed(net);
    for (index_t i = 0; i < net.n_parameters(); ++i) {
        const double w = net.wb()[i];
        for (const Term& term : f.terms) {
            changed.wb()[i] = w + term.multiple * f.step;
            evaluate(changed, i, term.weight / f.step);
        }
        changed.wb()[i] = w;
    }
}

/// sqrt(EW) norm (t - y), output fastest, then sample; zero where the target does not count.
std::vector<double> scaled_errors(const Network& net, const Samples& samples, Stencil stencil,
                                  std::optional<int> n_threads) {
    const Plan plan(net, function(stencil), Parameters::borrowed);
    const Batch batch(plan, samples, function(stencil));
    if (!batch.has_targets()) refuse(function(stencil), ": needs targets");
    const index_t rows = plan.n_outputs;
    std::vector<double> e(static_cast<std::size_t>(rows * batch.size()));
    Tape tape(plan, batch, false);
    compute_errors(tape, {e.data(), rows, batch.size()}, n_threads);
    return e;
}

}  // namespace

void numeric_gradient(const Network& net, const Samples& samples, Stencil stencil,
                      VectorView<double> g, std::optional<int> n_threads) {
    check_out("numeric_gradient", g, net.n_parameters());
    Linearization(net, samples, function(stencil)).performance(n_threads);  // checks everything
    for (index_t i = 0; i < g.size; ++i) g[i] = 0.0;
    for_each_perturbation(net, stencil, [&](const Network& changed, index_t i, double weight) {
        g[i] += weight * Linearization(changed, samples, function(stencil)).performance(n_threads);
    });
}

void numeric_de_dwb(const Network& net, const Samples& samples, Stencil stencil,
                    MatrixView<double> j, std::optional<int> n_threads) {
    const index_t columns =
        static_cast<index_t>(scaled_errors(net, samples, stencil, n_threads).size());
    check_out("numeric_de_dwb", j, net.n_parameters(), columns);
    for (index_t c = 0; c < j.cols; ++c) {
        detail::poll_interrupt();
        for (index_t i = 0; i < j.rows; ++i) j(i, c) = 0.0;
    }
    for_each_perturbation(net, stencil, [&](const Network& changed, index_t i, double weight) {
        const std::vector<double> e = scaled_errors(changed, samples, stencil, n_threads);
        for (index_t c = 0; c < columns; ++c) j(i, c) += weight * e[static_cast<std::size_t>(c)];
    });
}

}  // namespace jacnet
