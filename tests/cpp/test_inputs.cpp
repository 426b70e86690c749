/// @file
/// Derivatives with respect to the inputs, kernels between samples, and the kernels behind them.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "kernels/kernels.hpp"
#include "networks.hpp"
#include "workspace.hpp"

using namespace jacnet;
using example::Matrix;

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

struct Case {
    Network net;
    std::vector<Matrix> x;

    std::vector<MatrixView<const double>> views() const {
        std::vector<MatrixView<const double>> all;
        for (const Matrix& input : x) all.push_back(input.view());
        return all;
    }
    Linearization linearization() const { return {net, {.x = views(), .t = {}}}; }
    index_t count() const { return x[0].cols; }
};

Case chain_case(index_t count = 7) {
    return {example::chain({2, 3, 2}), {example::numbers(2, count, 0.3)}};
}

Case cascade_case(index_t count = 7) {
    return {example::cascade(), {example::numbers(2, count, 0.3), example::numbers(1, count, 5.5)}};
}

Case softmax_case(index_t count = 7) {
    Case c = cascade_case(count);
    c.net.set_transfer(1, Transfer::radbasn);
    c.net.set_transfer(2, Transfer::softmax);
    return c;
}

std::vector<double> jacobian(const Case& c) {
    Linearization lin = c.linearization();
    const index_t r = lin.n_inputs(), s = lin.n_outputs();
    const index_t strides[3] = {s * r, r, 1};
    std::vector<double> j(at(c.count() * s * r));
    lin.input_jacobian(j.data(), strides);
    return j;
}

std::vector<double> hessian(const Case& c, std::optional<int> n_threads = {}) {
    Linearization lin = c.linearization();
    const index_t r = lin.n_inputs(), s = lin.n_outputs();
    const index_t strides[4] = {s * r * r, r * r, r, 1};
    std::vector<double> h(at(c.count() * s * r * r));
    lin.input_hessian(h.data(), strides, n_threads);
    return h;
}

void hessian_agrees_with_differences(const Case& c) {
    Linearization lin = c.linearization();
    const index_t n_inputs = lin.n_inputs(), per_sample = lin.n_outputs() * n_inputs;
    const std::vector<double> h = hessian(c);
    Matrix laplacian(c.count(), lin.n_outputs());
    lin.laplacian(laplacian.view());
    std::vector<double> trace(laplacian.values.size());
    Case moved = c;
    index_t r = 0;
    for (Matrix& input : moved.x) {
        for (index_t i = 0; i < input.rows; ++i, ++r) {
            const auto shift = [&](double by) {
                for (index_t q = 0; q < input.cols; ++q) input(i, q) += by;
            };
            shift(1e-5);
            const std::vector<double> above = jacobian(moved);
            shift(-2e-5);
            const std::vector<double> below = jacobian(moved);
            shift(1e-5);
            for (index_t k = 0; k < c.count() * per_sample; ++k) {
                const double value = h[at(k * n_inputs + r)];
                CHECK_CLOSE(value, (above[at(k)] - below[at(k)]) / 2e-5, 1e-8);
                const index_t row = k / n_inputs, q = row / lin.n_outputs();
                if (k % n_inputs == r) trace[at(q + row % lin.n_outputs() * c.count())] += value;
            }
        }
    }
    for (std::size_t i = 0; i < trace.size(); ++i) {
        CHECK_CLOSE(laplacian.values[i], trace[i], 1e-13);
    }
}

void products_agree_with_the_matrices(const Case& c) {
    Linearization lin = c.linearization();
    const index_t n_inputs = lin.n_inputs(), n_outputs = lin.n_outputs();
    const std::vector<double> j = jacobian(c), h = hessian(c);
    const Matrix u = example::numbers(n_outputs, c.count(), 2.2);
    std::vector<Matrix> v;
    std::vector<MatrixView<const double>> directions;
    Matrix stacked(n_inputs, c.count());
    index_t row = 0;
    for (const Matrix& input : c.x)
        v.push_back(example::numbers(input.rows, c.count(), 4.0 + static_cast<double>(row++)));
    row = 0;
    for (const Matrix& part : v) {
        directions.push_back(part.view());
        for (index_t i = 0; i < part.rows; ++i, ++row) {
            for (index_t q = 0; q < c.count(); ++q) stacked(row, q) = part(i, q);
        }
    }
    Matrix jvp(n_outputs, c.count()), vjp(n_inputs, c.count()), hvp(n_inputs, c.count());
    lin.input_jvp(directions, jvp.view());
    lin.input_vjp({u.view()}, vjp.view());
    lin.input_hvp({u.view()}, directions, hvp.view());
    for (index_t q = 0; q < c.count(); ++q) {
        const auto jacobian_at = [&](index_t s, index_t r) {
            return j[at((q * n_outputs + s) * n_inputs + r)];
        };
        for (index_t s = 0; s < n_outputs; ++s) {
            double sum = 0.0;
            for (index_t r = 0; r < n_inputs; ++r) sum += jacobian_at(s, r) * stacked(r, q);
            CHECK_CLOSE(jvp(s, q), sum, 1e-14);
        }
        for (index_t r = 0; r < n_inputs; ++r) {
            double first = 0.0, second = 0.0;
            for (index_t s = 0; s < n_outputs; ++s) {
                first += jacobian_at(s, r) * u(s, q);
                for (index_t k = 0; k < n_inputs; ++k) {
                    const index_t index = ((q * n_outputs + s) * n_inputs + r) * n_inputs + k;
                    second += u(s, q) * h[at(index)] * stacked(k, q);
                }
            }
            CHECK_CLOSE(vjp(r, q), first, 1e-14);
            CHECK_CLOSE(hvp(r, q), second, 1e-13);
        }
    }
    Matrix wrong(n_inputs + 1, c.count());
    CHECK_THROWS(lin.input_vjp({u.view()}, wrong.view()), std::invalid_argument, "input_vjp: out");
    CHECK_THROWS(lin.input_vjp({wrong.view()}, vjp.view()), std::invalid_argument, "input_vjp: u");
}

void one_sample_agrees_with_its_block(const Case& c) {
    const std::vector<double> j = jacobian(c);
    InputDerivatives evaluator(c.net);
    const index_t n_inputs = evaluator.n_inputs(), n_outputs = evaluator.n_outputs();
    Matrix y(n_outputs, c.count());
    simulate(c.net, c.views(), y.view());
    std::vector<double> x(at(n_inputs)), own_y(at(n_outputs)), own(at(n_outputs * n_inputs));
    for (index_t q = 0; q < c.count(); ++q) {
        index_t row = 0;
        for (const Matrix& input : c.x) {
            for (index_t i = 0; i < input.rows; ++i) x[at(row++)] = input(i, q);
        }
        evaluator.evaluate(x.data(), own_y.data(), own.data());
        for (index_t s = 0; s < n_outputs; ++s) CHECK_CLOSE(own_y[at(s)], y(s, q), 1e-14);
        for (index_t k = 0; k < n_outputs * n_inputs; ++k) {
            CHECK_CLOSE(own[at(k)], j[at(q * n_outputs * n_inputs + k)], 1e-14);
        }
    }
    CHECK_THROWS(InputDerivatives(Network(chain({0, 3, 0}))), std::invalid_argument, "configure");
}

void kernels_are_products_of_the_jacobian(const Case& one, const Case& other) {
    Linearization first = one.linearization(), second = other.linearization();
    const index_t p = first.n_parameters(), s = first.n_outputs();
    Matrix j1(p, s * one.count()), j2(p, s * other.count());
    first.jacobian(j1.view());
    second.jacobian(j2.view());
    Matrix full(j1.cols, j2.cols), traced(one.count(), other.count()), gram(j1.cols, j1.cols);
    ntk(one.net, one.views(), other.views(), full.view());
    ntk(one.net, one.views(), other.views(), traced.view(), GramForm::traced);
    ntk(one.net, one.views(), {}, gram.view());
    const auto product = [&](const Matrix& a, index_t i, const Matrix& b, index_t k) {
        double sum = 0.0;
        for (index_t r = 0; r < p; ++r) sum += a(r, i) * b(r, k);
        return sum;
    };
    for (index_t k = 0; k < j2.cols; ++k) {
        for (index_t i = 0; i < j1.cols; ++i) CHECK_CLOSE(full(i, k), product(j1, i, j2, k), 1e-13);
    }
    for (index_t k = 0; k < other.count(); ++k) {
        for (index_t i = 0; i < one.count(); ++i) {
            double sum = 0.0;
            for (index_t m = 0; m < s; ++m) sum += full(i * s + m, k * s + m);
            CHECK_CLOSE(traced(i, k), sum, 1e-13);
        }
    }
    for (index_t k = 0; k < j1.cols; ++k) {
        for (index_t i = 0; i <= k; ++i) {
            CHECK_CLOSE(gram(i, k), product(j1, i, j1, k), 1e-13);
            CHECK_EQUAL(gram(i, k), gram(k, i));
        }
    }
}

void threads_change_no_bit() {
    const Case c{example::chain({4, 9, 8, 3}), {example::numbers(4, 333, 0.3)}};
    CHECK(hessian(c, 1) == hessian(c, 2));
    Matrix one(999, 999), two(999, 999);
    c.linearization().gram(one.view(), 1);
    c.linearization().gram(two.view(), 2);
    CHECK(one.values == two.values);
}

/// Products with one sample, and with one pair of matrices per lane.
void check_vectors(index_t h, index_t k, index_t count) {
    const Kernels& kernels = kernel_table();
    Workspace work;
    const Matrix theta = example::numbers(h, k, 1.0), x = example::numbers(k, 1, 2.0);
    double* out = work.doubles(round_up(h, lanes));
    kernels.vector_product(h, k, theta.values.data(), x.values.data(), out);
    double worst = 0.0;
    for (index_t i = 0; i < h; ++i) {
        double sum = 0.0;
        for (index_t c = 0; c < k; ++c) sum += theta(i, c) * x(c, 0);
        worst = std::max(worst, std::fabs(out[i] - sum));
    }
    const index_t ldd = round_up(h, lanes), ldo = round_up(k, lanes);
    double* d = work.doubles(ldd * count);
    const Matrix values = example::numbers(ldd, count, 3.0);
    std::copy(values.values.begin(), values.values.end(), d);
    double* back = work.doubles(ldo * count);
    kernels.transposed_products(h, k, theta.values.data(), count, d, ldd, back, ldo);
    for (index_t r = 0; r < count; ++r) {
        for (index_t c = 0; c < k; ++c) {
            double sum = 0.0;
            for (index_t i = 0; i < h; ++i) sum += theta(i, c) * d[i + r * ldd];
            worst = std::max(worst, std::fabs(back[c + r * ldo] - sum));
        }
    }
    CHECK(worst < 1e-14 * static_cast<double>(h + k));
}

void check_lane_products(index_t rows, index_t columns, index_t k, bool upper) {
    constexpr index_t n = 16;
    const Matrix a = example::numbers(n, k * rows, 1.0), b = example::numbers(n, k * columns, 2.0);
    Matrix out(n, rows * columns);
    const Kernels& kernels = kernel_table();
    for (const bool accumulate : {false, true}) {
        kernels.lane_products(n, rows, columns, k, a.values.data(), b.values.data(),
                              out.values.data(), upper, accumulate);
    }
    double worst = 0.0;
    for (index_t z = 0; z < n; ++z) {
        for (index_t j = 0; j < columns; ++j) {
            for (index_t i = 0; i < (upper ? std::min(rows, j + 1) : rows); ++i) {
                double sum = 0.0;
                for (index_t c = 0; c < k; ++c) sum += a(z, c + i * k) * b(z, c + j * k);
                worst = std::max(worst, std::fabs(out(z, i + j * rows) - 2.0 * sum));
            }
        }
    }
    CHECK(worst < 1e-14 * static_cast<double>(k + 1));
}

}  // namespace

int main() {
    for (const Case& c : {chain_case(), cascade_case(), softmax_case()}) {
        hessian_agrees_with_differences(c);
        products_agree_with_the_matrices(c);
        one_sample_agrees_with_its_block(c);
    }
    kernels_are_products_of_the_jacobian(chain_case(), chain_case(3));
    kernels_are_products_of_the_jacobian(softmax_case(), softmax_case(101));
    threads_change_no_bit();
    for (const index_t h : {1, 2, 3, 7, 8, 9, 31, 64, 65, 130}) {
        for (const index_t k : {1, 2, 5, 8, 17, 64}) {
            for (const index_t count : {1, 2, 3, 4, 5, 10}) check_vectors(h, k, count);
        }
    }
    for (const index_t rows : {1, 2, 3, 4, 5, 9}) {
        for (const index_t k : {1, 7}) {
            check_lane_products(rows, rows, k, true);
            check_lane_products(rows, rows, k, false);
            check_lane_products(rows, 6, k, false);
        }
    }
    return check::result();
}
