/// Pieces of the Hessian, single samples, Fisher information, and losses of one's own.

#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;
using example::Matrix;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A network with samples, of which one target is unknown.
struct Case {
    Network net;
    std::vector<Matrix> x;
    Matrix t;

    Case(Network net_, std::vector<Matrix> x_, Performance function, double regularization)
        : net(std::move(net_)), x(std::move(x_)), t(example::numbers(2, x[0].cols, 3.1)) {
        net.performance.function = function;
        net.performance.regularization = regularization;
        for (double& value : t.values) value = 0.5 + 0.4 * value;
        t(1, 2) = nan;
    }
    Samples samples() const {
        Samples all;
        for (const Matrix& input : x) all.x.push_back(input.view());
        all.t = {t.view()};
        return all;
    }
    Linearization linearization() const { return {net, samples()}; }
    index_t p() const { return net.n_parameters(); }
};

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

std::vector<Case> cases() {
    std::vector<Case> all;
    for (const double r : {0.0, 0.25}) {
        for (const Performance f : {Performance::mse, Performance::sse, Performance::mae}) {
            all.emplace_back(example::chain({2, 3, 2}), std::vector{example::numbers(2, 7, 0.3)}, f,
                             r);
            all.emplace_back(example::cascade(),
                             std::vector{example::numbers(2, 7, 0.3), example::numbers(1, 7, 5.5)},
                             f, r);
        }
        Network softmax = example::cascade();
        softmax.set_transfer(2, Transfer::softmax);
        softmax.set_transfer(1, Transfer::radbasn);  // matrix slopes inside, too
        all.emplace_back(softmax,
                         std::vector{example::numbers(2, 7, 0.3), example::numbers(1, 7, 5.5)},
                         Performance::crossentropy, r);
    }
    return all;
}

Matrix hessian(const Case& c, Curvature kind) {
    Matrix h(c.p(), c.p());
    c.linearization().hessian(h.view(), kind);
    return h;
}

void the_diagonal_is_that_of_the_hessian(const Case& c, Curvature kind) {
    const Matrix h = hessian(c, kind);
    Linearization lin = c.linearization();
    std::vector<double> wide(at(2 * c.p()), nan);
    lin.hessian_diagonal({wide.data(), c.p(), 2}, kind);
    double trace = 0.0;
    for (index_t i = 0; i < c.p(); ++i) {
        CHECK_CLOSE(wide[at(2 * i)], h(i, i), 1e-14);
        CHECK(std::isnan(wide[at(2 * i + 1)]));
        trace += h(i, i);
    }
    CHECK_CLOSE(lin.hessian_trace(kind), trace, 1e-13);
}

void blocks_are_slices_of_the_hessian(const Case& c, Curvature kind) {
    const Matrix h = hessian(c, kind);
    Linearization lin = c.linearization();
    std::vector<index_t> backwards(at(c.p()));
    for (index_t i = 0; i < c.p(); ++i) backwards[at(i)] = c.p() - 1 - i;
    const std::vector<std::vector<index_t>> choices{
        {0}, {c.p() - 1, 3, 3, 5}, {2, 4, 6, 8, 10}, backwards, {}};
    for (const auto& rows : choices) {
        for (const auto& cols : choices) {
            Matrix block(static_cast<index_t>(rows.size()), static_cast<index_t>(cols.size()));
            lin.hessian_block(rows, cols, block.view(), kind);
            for (index_t j = 0; j < block.cols; ++j) {
                for (index_t i = 0; i < block.rows; ++i) {
                    CHECK_CLOSE(block(i, j), h(rows[at(i)], cols[at(j)]), 1e-14);
                }
            }
        }
    }
    Matrix one(1, 1);
    CHECK_THROWS(lin.hessian_block({c.p()}, {0}, one.view()), std::out_of_range, "rows");
    CHECK_THROWS(lin.hessian_block({0}, {-1}, one.view()), std::out_of_range, "cols");
    CHECK_THROWS(lin.hessian_block({0, 1}, {0}, one.view()), std::invalid_argument, "(2, 1)");
}

void layers_and_triangle_are_parts_of_the_hessian(const Case& c, Curvature kind) {
    const Matrix h = hessian(c, kind);
    Linearization lin = c.linearization();
    std::vector<index_t> sizes(c.net.structure().layers.size(), 0);
    for (const ParameterBlock& block : c.net.layout()) sizes[at(block.layer)] += block.size();
    std::vector<Matrix> layers;
    for (const index_t size : sizes) layers.emplace_back(size, size);
    std::vector<MatrixView<double>> views;
    for (Matrix& layer : layers) views.push_back(layer.view());
    lin.hessian_layers(views, kind);
    index_t first = 0;
    for (const Matrix& layer : layers) {
        for (index_t j = 0; j < layer.cols; ++j) {
            for (index_t i = 0; i < layer.rows; ++i) {
                CHECK_CLOSE(layer(i, j), h(first + i, first + j), 1e-14);
                CHECK_EQUAL(layer(i, j), layer(j, i));
            }
        }
        first += layer.rows;
    }
    std::vector<double> packed(at(c.p() * (c.p() + 1) / 2));
    lin.hessian_packed({packed.data(), static_cast<index_t>(packed.size())}, kind);
    for (index_t j = 0; j < c.p(); ++j) {
        for (index_t i = 0; i <= j; ++i) {
            CHECK_CLOSE(packed[at(i + j * (j + 1) / 2)], h(i, j), 1e-14);
        }
    }
    CHECK_THROWS(lin.hessian_layers({}), std::invalid_argument, "layers");
}

/// What regularisation adds to gradient and Hessian: everything, where no target counts.
Case without_targets(Case c) {
    for (double& value : c.t.values) value = nan;
    return c;
}

void samples_add_up(const Case& c, Curvature kind) {
    const index_t n = c.x[0].cols, p = c.p();
    Matrix g(p, n);
    Linearization lin = c.linearization();
    lin.gradients(g.view());
    std::vector<double> whole(at(p)), weights(at(p));
    lin.gradient({whole.data(), p});
    without_targets(c).linearization().gradient({weights.data(), p});
    for (index_t i = 0; i < p; ++i) {
        double sum = weights[at(i)];
        for (index_t q = 0; q < n; ++q) sum += g(i, q);
        CHECK_CLOSE(sum, whole[at(i)], 1e-14);
    }
    std::vector<double> h(at(n * p * p));
    const index_t strides[3] = {p * p, 1, p};
    lin.hessians(h.data(), strides, kind);
    const Matrix all = hessian(c, kind), added = hessian(without_targets(c), kind);
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = 0; i < p; ++i) {
            double sum = added(i, j);
            for (index_t q = 0; q < n; ++q) sum += h[at(q * p * p + i + j * p)];
            CHECK_CLOSE(sum, all(i, j), 1e-13);
        }
    }
}

void empirical_fisher_is_made_of_gradients(const Case& c) {
    const index_t n = c.x[0].cols, p = c.p();
    const double r = c.net.performance.regularization;
    const Performance function = c.net.performance.function;
    const bool squares = function == Performance::mse || function == Performance::sse;
    Matrix g(p, n), f(p, p);
    std::vector<double> diagonal(at(p));
    Linearization lin = c.linearization();
    const double count = is_mean(function) ? static_cast<double>(lin.n_targets()) : 1.0;
    const double tau = (squares ? 2.0 : 1.0) * (1.0 - r) / count;
    lin.gradients(g.view());
    lin.fisher(f.view(), Fisher::empirical);
    lin.fisher_diagonal({diagonal.data(), p}, Fisher::empirical);
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = 0; i < p; ++i) {
            double sum = 0.0;
            for (index_t q = 0; q < n; ++q) sum += g(i, q) * g(j, q);
            CHECK_CLOSE(f(i, j), sum / tau, 1e-13);
        }
        CHECK_CLOSE(diagonal[at(j)], f(j, j), 1e-13);
    }
    if (function == Performance::mae) {
        CHECK_THROWS(lin.fisher(f.view()), std::invalid_argument, "mae");
    }
}

/// Half the sum of squares of y, and its product with a matrix that mixes outputs.
void a_loss_of_ones_own(const Case& c) {
    Linearization lin = c.linearization();
    const index_t n = c.x[0].cols, p = c.p();
    const double a[2][2] = {{2.0, 0.7}, {0.7, 1.0}};
    Matrix y(2, n), slope(2, n), j(p, 2 * n), gn(p, p);
    lin.outputs(y.view());
    lin.jacobian(j.view());
    std::vector<double> curvature;
    for (index_t q = 0; q < n; ++q) {
        for (index_t i = 0; i < 2; ++i) slope(i, q) = a[i][0] * y(0, q) + a[i][1] * y(1, q);
        curvature.insert(curvature.end(), {a[0][0], a[0][1], a[1][0], a[1][1]});
    }
    const OutputLoss loss{slope.view(), curvature.data(), {4, 2, 1}, false};
    Linearization own = lin.with_loss(loss);
    std::vector<double> g(at(p));
    own.gradient({g.data(), p});
    own.hessian(gn.view(), Curvature::gauss_newton);
    for (index_t i = 0; i < p; ++i) {
        double first = 0.0;
        for (index_t k = 0; k < 2 * n; ++k) first += j(i, k) * slope.values[at(k)];
        CHECK_CLOSE(g[at(i)], first, 1e-13);
        for (index_t k = 0; k < p; ++k) {
            double second = 0.0;
            for (index_t q = 0; q < n; ++q) {
                for (index_t r = 0; r < 2; ++r) {
                    for (index_t s = 0; s < 2; ++s) {
                        second += j(i, 2 * q + r) * a[r][s] * j(k, 2 * q + s);
                    }
                }
            }
            CHECK_CLOSE(gn(i, k), second, 1e-12);
        }
    }
    CHECK_THROWS(own.performance(), std::invalid_argument, "with_loss");
    CHECK_THROWS(own.fisher(gn.view()), std::invalid_argument, "fisher");
    Linearization first_only = lin.with_loss({slope.view(), nullptr, {0, 0, 0}, false});
    CHECK_THROWS(first_only.hessian(gn.view()), std::invalid_argument, "d2loss");
    const Matrix narrow(1, n);
    CHECK_THROWS(lin.with_loss({narrow.view(), nullptr, {0, 0, 0}, false}), std::invalid_argument,
                 "dloss");
}

/// Sure of its class, a network leaves a curvature that is small, not zero.
void confident_samples_keep_their_digits() {
    Network net(chain({1, 3}, Transfer::tansig, Transfer::softmax));
    net.performance.function = Performance::crossentropy;
    net.wb()[0] = 60.0;
    const Matrix x(1, 1);
    Matrix t(3, 1), h(6, 6);
    t(0, 0) = 1.0;
    Samples samples;
    samples.x = {x.view()};
    samples.t = {t.view()};
    Linearization lin(net, samples);
    lin.hessian(h.view());
    const double other = std::exp(-60.0);
    CHECK_CLOSE(3.0 * h(0, 0), 2.0 * other, 1e-14 * other);
    std::vector<double> g(6);
    lin.gradient({g.data(), 6});
    CHECK_CLOSE(3.0 * g[0], -2.0 * other, 1e-14 * other);
    lin.hessian_diagonal({g.data(), 6}, Curvature::gauss_newton);
    CHECK_CLOSE(3.0 * g[0], 2.0 * other, 1e-14 * other);
}

void threads_change_no_bit() {
    const Case c(example::chain({4, 9, 6, 2}), {example::numbers(4, 333, 0.3)}, Performance::mse,
                 0.0);
    std::vector<index_t> rows(at(c.p()));
    std::iota(rows.begin(), rows.end(), index_t{0});
    std::vector<double> results[2][2];
    for (int threads = 1; threads <= 2; ++threads) {
        Matrix h(c.p(), c.p());
        std::vector<double> d(at(c.p()));
        Linearization lin = c.linearization();
        lin.hessian_block(rows, rows, h.view(), Curvature::exact, threads);
        lin.hessian_diagonal({d.data(), c.p()}, Curvature::exact, threads);
        results[threads - 1][0] = h.values;
        results[threads - 1][1] = d;
    }
    CHECK(results[0][0] == results[1][0]);
    CHECK(results[0][1] == results[1][1]);
}

}  // namespace

int main() {
    for (const Case& c : cases()) {
        for (const Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
            the_diagonal_is_that_of_the_hessian(c, kind);
            blocks_are_slices_of_the_hessian(c, kind);
            layers_and_triangle_are_parts_of_the_hessian(c, kind);
            samples_add_up(c, kind);
        }
        empirical_fisher_is_made_of_gradients(c);
        a_loss_of_ones_own(c);
    }
    confident_samples_keep_their_digits();
    threads_change_no_bit();
    return check::result();
}
