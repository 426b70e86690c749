#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;
using example::Matrix;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A network with samples: what every question below is asked of.
struct Case {
    Network net;
    std::vector<Matrix> x;
    Matrix t;
    Matrix ew;

    Case(Network net_, std::vector<Matrix> x_)
        : net(std::move(net_)),
          x(std::move(x_)),
          t(example::numbers(net.n_outputs(), x[0].cols, 3.1)),
          ew(example::numbers(net.n_outputs(), x[0].cols, 1.9)) {
        for (double& value : t.values) value = 0.5 + 0.4 * value;  // targets of any performance
        for (double& value : ew.values) value = 1.0 + 0.5 * value;
        t(1, 2) = nan;
    }

    Samples samples() const {
        Samples all;
        for (const Matrix& input : x) all.x.push_back(input.view());
        all.t = {t.view()};
        all.ew = ew.view();
        return all;
    }
    Linearization linearization() const { return {net, samples()}; }
    index_t n_errors() const { return t.rows * t.cols; }
};

Case chain_case() { return {example::chain({2, 3, 2}), {example::numbers(2, 7, 0.3)}}; }

Case cascade_case() {
    return {example::cascade(), {example::numbers(2, 7, 0.3), example::numbers(1, 7, 5.5)}};
}

std::vector<double> gradient(const Case& c) {
    std::vector<double> g(static_cast<std::size_t>(c.net.n_parameters()));
    c.linearization().gradient({g.data(), c.net.n_parameters()});
    return g;
}

Matrix hessian(const Case& c, Curvature kind = Curvature::exact) {
    Matrix h(c.net.n_parameters(), c.net.n_parameters());
    c.linearization().hessian(h.view(), kind);
    return h;
}

/// Central difference of f over parameter p.
template <class F>
auto difference(Case& c, index_t p, F&& f) {
    const double step = 1e-5, centre = c.net.wb()[p];
    c.net.wb()[p] = centre + step;
    const auto above = f(c);
    c.net.wb()[p] = centre - step;
    const auto below = f(c);
    c.net.wb()[p] = centre;
    return std::pair{above, below};
}

void gradient_agrees_with_differences(Case c) {
    const std::vector<double> g = gradient(c);
    for (index_t p = 0; p < c.net.n_parameters(); ++p) {
        const auto [above, below] =
            difference(c, p, [](const Case& at) { return at.linearization().performance(); });
        CHECK_CLOSE(g[static_cast<std::size_t>(p)], (above - below) / 2e-5, 1e-8);
    }
}

void hessian_agrees_with_differences(Case c) {
    const Matrix h = hessian(c);
    for (index_t p = 0; p < c.net.n_parameters(); ++p) {
        const auto [above, below] = difference(c, p, gradient);
        for (index_t q = 0; q < c.net.n_parameters(); ++q) {
            const auto k = static_cast<std::size_t>(q);
            CHECK_CLOSE(h(q, p), (above[k] - below[k]) / 2e-5, 1e-8);
        }
    }
}

void hessian_is_symmetric(const Case& c) {
    for (Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
        const Matrix h = hessian(c, kind);
        for (index_t p = 0; p < h.rows; ++p) {
            for (index_t q = 0; q < p; ++q) CHECK_EQUAL(h(p, q), h(q, p));
        }
    }
}

void every_performance_is_consistent(const Case& c) {
    for (Performance function : performance_functions()) {
        Case varied = c;
        varied.net.performance.function = function;
        varied.net.performance.regularization = 0.25;
        if (function == Performance::crossentropy) {
            varied.net.set_transfer(static_cast<index_t>(c.net.structure().layers.size()) - 1,
                                    Transfer::softmax);
        }
        gradient_agrees_with_differences(varied);
        hessian_agrees_with_differences(varied);
        hessian_is_symmetric(varied);
    }
}

void jacobians_agree_with_differences(const Case& c) {
    Matrix analytic(c.net.n_parameters(), c.n_errors());
    Matrix numeric(c.net.n_parameters(), c.n_errors());
    c.linearization().de_dwb(analytic.view());
    numeric_de_dwb(c.net, c.samples(), Stencil::five_point, numeric.view());
    for (std::size_t i = 0; i < analytic.values.size(); ++i) {
        CHECK_CLOSE(analytic.values[i], numeric.values[i], 1e-9);
    }
}

void de_dwb_is_the_scaled_jacobian(const Case& c) {
    Matrix e(c.net.n_parameters(), c.n_errors()), y(c.net.n_parameters(), c.n_errors());
    Linearization lin = c.linearization();
    lin.de_dwb(e.view());
    lin.jacobian(y.view());
    for (index_t column = 0; column < e.cols; ++column) {
        const auto k = static_cast<std::size_t>(column);
        const double scale = std::isnan(c.t.values[k]) ? 0.0 : -std::sqrt(c.ew.values[k]);
        for (index_t p = 0; p < e.rows; ++p) CHECK_CLOSE(e(p, column), scale * y(p, column), 1e-15);
    }
}

void errors_are_scaled_residuals(const Case& c) {
    Linearization lin = c.linearization();
    Matrix y(c.t.rows, c.t.cols), e(c.t.rows, c.t.cols), scales(c.t.rows, c.t.cols);
    lin.outputs(y.view());
    lin.errors(e.view());
    lin.error_scales(scales.view());
    for (index_t q = 0; q < c.t.cols; ++q) {
        for (index_t i = 0; i < c.t.rows; ++i) {
            const bool known = !std::isnan(c.t(i, q));
            CHECK_CLOSE(scales(i, q), known ? std::sqrt(c.ew(i, q)) : 0.0, 1e-15);
            CHECK_CLOSE(e(i, q), known ? scales(i, q) * (c.t(i, q) - y(i, q)) : 0.0, 1e-14);
        }
    }
    std::vector<double> wb(static_cast<std::size_t>(c.net.n_parameters()));
    lin.parameters({wb.data(), c.net.n_parameters()});
    for (index_t p = 0; p < c.net.n_parameters(); ++p) {
        CHECK_EQUAL(wb[static_cast<std::size_t>(p)], c.net.wb()[p]);
    }
}

void normal_equations_and_gauss_newton_are_products_of_j(const Case& c) {
    const index_t n = c.net.n_parameters();
    Matrix j(n, c.n_errors()), jj(n, n), y(c.t.rows, c.t.cols);
    std::vector<double> je(static_cast<std::size_t>(n));
    Linearization lin = c.linearization();
    lin.de_dwb(j.view());
    lin.outputs(y.view());
    const double ee = lin.normal_equations(jj.view(), {je.data(), n});
    const Matrix gn = hessian(c, Curvature::gauss_newton);

    std::vector<double> e(y.values.size());
    double count = 0.0, sum = 0.0;
    for (std::size_t k = 0; k < e.size(); ++k) {
        if (std::isnan(c.t.values[k])) continue;
        e[k] = std::sqrt(c.ew.values[k]) * (c.t.values[k] - y.values[k]);
        sum += e[k] * e[k];
        ++count;
    }
    CHECK_CLOSE(ee, sum, 1e-14);
    for (index_t p = 0; p < n; ++p) {
        double expected = 0.0;
        for (index_t k = 0; k < j.cols; ++k) expected += j(p, k) * e[static_cast<std::size_t>(k)];
        CHECK_CLOSE(je[static_cast<std::size_t>(p)], expected, 1e-14);
        for (index_t q = 0; q < n; ++q) {
            double product = 0.0;
            for (index_t k = 0; k < j.cols; ++k) product += j(p, k) * j(q, k);
            CHECK_CLOSE(jj(p, q), product, 1e-13);
            CHECK_CLOSE(gn(p, q), 2.0 / count * product, 1e-14);
        }
    }
}

void outputs_are_those_of_simulate(const Case& c) {
    Matrix y(c.t.rows, c.t.cols), expected(c.t.rows, c.t.cols);
    c.linearization().outputs(y.view());
    simulate(c.net, c.samples().x, expected.view());
    for (std::size_t i = 0; i < y.values.size(); ++i) {
        CHECK_CLOSE(y.values[i], expected.values[i], 1e-15);
    }
    const double perf = perform(c.net, c.t.view(), expected.view(), c.ew.view());
    CHECK_CLOSE(c.linearization().performance(), perf, 1e-15);
}

void input_jacobian_agrees_with_differences(const Case& c) {
    index_t n_inputs = 0;
    for (const Matrix& input : c.x) n_inputs += input.rows;
    Linearization lin = c.linearization();
    CHECK_EQUAL(lin.n_inputs(), n_inputs);
    const index_t strides[3] = {c.t.rows * n_inputs, n_inputs, 1};
    std::vector<double> d(static_cast<std::size_t>(c.t.cols * c.t.rows * n_inputs));
    lin.input_jacobian(d.data(), strides);

    Case moved = c;
    const auto outputs = [&] {
        Matrix y(c.t.rows, c.t.cols);
        moved.linearization().outputs(y.view());
        return y;
    };
    index_t r = 0;  // row of all inputs, stacked
    for (Matrix& input : moved.x) {
        for (index_t i = 0; i < input.rows; ++i, ++r) {
            const auto shift = [&](double by) {
                for (index_t q = 0; q < input.cols; ++q) input(i, q) += by;
            };
            shift(1e-5);
            const Matrix above = outputs();
            shift(-2e-5);
            const Matrix below = outputs();
            shift(1e-5);
            for (index_t q = 0; q < c.t.cols; ++q) {
                for (index_t s = 0; s < c.t.rows; ++s) {
                    const auto k =
                        static_cast<std::size_t>(q * strides[0] + s * strides[1] + r * strides[2]);
                    CHECK_CLOSE(d[k], (above(s, q) - below(s, q)) / 2e-5, 1e-8);
                }
            }
        }
    }
}

void chosen_samples_are_those_columns() {
    const Case c = chain_case();
    Samples chosen = c.samples();
    chosen.indices = std::vector<index_t>{5, 0, 2, 2};

    Case columns{c.net, {Matrix(2, 4)}};
    for (index_t k = 0; k < 4; ++k) {
        const index_t q = (*chosen.indices)[static_cast<std::size_t>(k)];
        for (index_t i = 0; i < 2; ++i) {
            columns.x[0](i, k) = c.x[0](i, q);
            columns.t(i, k) = c.t(i, q);
            columns.ew(i, k) = c.ew(i, q);
        }
    }
    Linearization lin(c.net, chosen);
    CHECK_EQUAL(lin.n_samples(), 4);
    Matrix h(c.net.n_parameters(), c.net.n_parameters());
    lin.hessian(h.view());
    const Matrix expected = hessian(columns);
    for (std::size_t i = 0; i < h.values.size(); ++i) CHECK_EQUAL(h.values[i], expected.values[i]);

    chosen.indices = std::vector<index_t>{7};
    CHECK_THROWS(Linearization(c.net, chosen), std::out_of_range, "7");
}

void any_strides_are_taken_and_filled(const Case& c) {
    const index_t n = c.net.n_parameters();
    Matrix compact(n, c.n_errors()), rows(c.n_errors(), n), wide(2 * n + 1, c.n_errors());
    Linearization lin = c.linearization();
    lin.de_dwb(compact.view());
    lin.de_dwb(rows.view().transposed());
    lin.de_dwb({wide.values.data(), n, c.n_errors(), 2, 2 * n + 1});
    for (index_t k = 0; k < c.n_errors(); ++k) {
        for (index_t p = 0; p < n; ++p) {
            CHECK_EQUAL(rows(k, p), compact(p, k));
            CHECK_EQUAL(wide(2 * p, k), compact(p, k));
            CHECK_EQUAL(wide(2 * p + 1, k), 0.0);
        }
    }
}

void threads_change_no_bit() {
    const Case c{example::chain({4, 9, 3}), {example::numbers(4, 333, 0.3)}};
    const index_t n = c.net.n_parameters();
    Matrix one(n, n), two(n, n);
    c.linearization().hessian(one.view(), Curvature::exact, 1);
    c.linearization().hessian(two.view(), Curvature::exact, 2);
    CHECK(one.values == two.values);
}

void arguments_are_checked() {
    const Case c = chain_case();
    Samples bad = c.samples();
    bad.x[0].rows = 1;
    CHECK_THROWS(Linearization(c.net, bad), std::invalid_argument, "2");
    Case infinite = c;
    infinite.x[0](1, 3) = std::numeric_limits<double>::infinity();
    CHECK_THROWS(infinite.linearization(), std::invalid_argument, "x[1, 3] is inf");
    Case negative = c;
    negative.ew(0, 0) = -1.0;
    CHECK_THROWS(negative.linearization(), std::invalid_argument, "weight");
    CHECK_THROWS(Linearization(Network(chain({0, 3, 0})), c.samples()), std::invalid_argument,
                 "configure");
}

}  // namespace

int main() {
    for (const Case& c : {chain_case(), cascade_case()}) {
        every_performance_is_consistent(c);
        jacobians_agree_with_differences(c);
        de_dwb_is_the_scaled_jacobian(c);
        errors_are_scaled_residuals(c);
        normal_equations_and_gauss_newton_are_products_of_j(c);
        outputs_are_those_of_simulate(c);
        input_jacobian_agrees_with_differences(c);
        any_strides_are_taken_and_filled(c);
    }
    chosen_samples_are_those_columns();
    threads_change_no_bit();
    arguments_are_checked();
    return check::result();
}
