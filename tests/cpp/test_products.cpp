/// Products with the Jacobian, the Hessian and the Gauss-Newton matrix against the matrices.

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
constexpr index_t vectors = 3;

struct Case {
    Network net;
    std::vector<Matrix> x;
    Matrix t;

    Case(Network net_, std::vector<Matrix> x_)
        : net(std::move(net_)),
          x(std::move(x_)),
          t(example::numbers(net.n_outputs(), x[0].cols, 3.1)) {
        for (double& value : t.values) value = 0.5 + 0.4 * value;  // targets of any performance
        t(1, 2) = nan;
    }
    Linearization linearization(Parameters parameters = Parameters::copied) const {
        Samples samples;
        for (const Matrix& input : x) samples.x.push_back(input.view());
        samples.t = {t.view()};
        return {net, samples, "linearize", parameters};
    }
    index_t n_parameters() const { return net.n_parameters(); }
    Matrix directions() const { return example::numbers(n_parameters(), vectors, 8.2); }
};

Case chain_case() { return {example::chain({2, 3, 2}), {example::numbers(2, 7, 0.3)}}; }
Case cascade_case() {
    return {example::cascade(), {example::numbers(2, 7, 0.3), example::numbers(1, 7, 5.5)}};
}
/// Several blocks of samples, of a width that no packet divides.
Case large_case() { return {example::chain({4, 19, 13, 3}), {example::numbers(4, 1200, 0.3)}}; }

double largest(const Matrix& m) {
    double value = 0.0;
    for (const double v : m.values) value = std::max(value, std::fabs(v));
    return value;
}

Matrix product(const Matrix& a, const Matrix& b) {
    Matrix c(a.rows, b.cols);
    for (index_t j = 0; j < b.cols; ++j) {
        for (index_t k = 0; k < a.cols; ++k) {
            for (index_t i = 0; i < a.rows; ++i) c(i, j) += a(i, k) * b(k, j);
        }
    }
    return c;
}

void check_same(const Matrix& found, const Matrix& expected) {
    double worst = 0.0;
    for (std::size_t i = 0; i < found.values.size(); ++i) {
        worst = std::max(worst, std::fabs(found.values[i] - expected.values[i]));
    }
    CHECK(worst <= 1e-13 * (1.0 + largest(expected)) * static_cast<double>(found.rows));
}

void multiply(Linearization& lin, Curvature kind, const Matrix& v, Matrix& out,
              std::optional<int> n_threads = {}) {
    if (kind == Curvature::exact) {
        lin.hvp(v.view(), out.view(), n_threads);
    } else {
        lin.ggnvp(v.view(), out.view(), n_threads);
    }
}

void curvature_products_are_those_of_the_matrices(Case c) {
    const index_t p = c.n_parameters();
    for (const Performance f : {Performance::mse, Performance::sse, Performance::mae,
                                Performance::sae, Performance::crossentropy}) {
        c.net.performance.function = f;
        c.net.performance.regularization = f == Performance::mse ? 0.3 : 0.0;
        Linearization lin = c.linearization();
        for (const Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
            lin.performance();  // leaves weights of another scale
            Matrix h(p, p), found(p, vectors);
            lin.hessian(h.view(), kind);
            multiply(lin, kind, c.directions(), found);
            check_same(found, product(h, c.directions()));
        }
    }
}

void jacobian_products_are_those_of_the_jacobian(const Case& c) {
    const index_t p = c.n_parameters(), s = c.net.n_outputs(), q = c.t.cols;
    Linearization lin = c.linearization();
    Matrix j(p, s * q), transposed(s * q, p);
    lin.jacobian(j.view());
    lin.jacobian(transposed.view().transposed());
    Matrix moved(s * q, vectors), weighted(p, vectors);
    const index_t strides[3] = {1, s, s * q};
    lin.jvp(c.directions().view(), moved.values.data(), strides);
    check_same(moved, product(transposed, c.directions()));
    const Matrix u = example::numbers(s * q, vectors, 4.4);
    lin.vjp(u.values.data(), strides, weighted.view());
    check_same(weighted, product(j, u));
}

/// Kept and streamed tapes, any number of threads, alone or among others: the same bits.
void a_vector_has_the_same_bits_everywhere(const Case& c) {
    const index_t p = c.n_parameters();
    const Matrix v = c.directions();
    for (const Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
        Matrix together(p, vectors), again(p, vectors);
        Linearization kept = c.linearization();
        multiply(kept, kind, v, together, 2);
        multiply(kept, kind, v, again, 1);
        CHECK(together.values == again.values);
        for (index_t k = 0; k < vectors; ++k) {
            Matrix one(p, 1), alone(p, 1);
            for (index_t i = 0; i < p; ++i) one(i, 0) = v(i, k);
            Linearization streamed = c.linearization(Parameters::borrowed);
            multiply(streamed, kind, one, alone);
            for (index_t i = 0; i < p; ++i) CHECK_EQUAL(alone(i, 0), together(i, k));
        }
    }
}

void any_strides_are_taken_and_filled(const Case& c) {
    const index_t p = c.n_parameters();
    const Matrix v = c.directions();
    Matrix compact(p, vectors), rows(vectors, p), turned(vectors, p);
    for (index_t i = 0; i < p; ++i) {
        for (index_t k = 0; k < vectors; ++k) turned(k, i) = v(i, k);
    }
    const Matrix& read = turned;
    Linearization lin = c.linearization();
    lin.hvp(v.view(), compact.view());
    lin.hvp(read.view().transposed(), rows.view().transposed());
    for (index_t i = 0; i < p; ++i) {
        for (index_t k = 0; k < vectors; ++k) CHECK_EQUAL(rows(k, i), compact(i, k));
    }
}

void arguments_are_checked(const Case& c) {
    const index_t p = c.n_parameters();
    Linearization lin = c.linearization();
    Matrix out(p, 1), v(p, 1), small(p - 1, 1);
    const auto refused = [&](Matrix& a, Matrix& b, const char* words) {
        CHECK_THROWS(lin.hvp(a.view(), b.view()), std::invalid_argument, words);
        CHECK_THROWS(lin.ggnvp(a.view(), b.view()), std::invalid_argument, words);
    };
    refused(small, out, "v has 16 rows, expected 17");
    refused(v, small, "out has shape (16, 1), expected (17, 1)");
    v(3, 0) = nan;
    refused(v, out, "v[3] is nan; directions must be finite");
    const index_t strides[3] = {1, 2, 0};
    CHECK_THROWS(lin.jvp(v.view(), out.values.data(), strides), std::invalid_argument, "jvp: v[3]");
    Samples samples;
    samples.x = {c.x[0].view()};
    Linearization untargeted(c.net, samples);
    CHECK_THROWS(untargeted.hvp(out.view(), out.view()), std::invalid_argument, "needs targets");
}

}  // namespace

int main() {
    for (const Case& c : {chain_case(), cascade_case(), large_case()}) {
        curvature_products_are_those_of_the_matrices(c);
        jacobian_products_are_those_of_the_jacobian(c);
        a_vector_has_the_same_bits_everywhere(c);
        any_strides_are_taken_and_filled(c);
    }
    arguments_are_checked(chain_case());
    return check::result();
}
