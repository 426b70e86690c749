/// Results in float: those in double, rounded, whatever the network, the blocks and the threads.

#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "cpu.hpp"
#include "jacnet/linearization.hpp"
#include "networks.hpp"

using namespace jacnet;

namespace {

struct Floats {
    Floats(index_t rows_, index_t cols_)
        : rows(rows_), cols(cols_), values(static_cast<std::size_t>(rows_ * cols_)) {}
    MatrixView<float> view() { return {values.data(), rows, cols}; }
    index_t rows, cols;
    std::vector<float> values;
};

double difference(const example::Matrix& exact, const Floats& rounded) {
    double largest = 0.0, off = 0.0;
    for (std::size_t i = 0; i < exact.values.size(); ++i) {
        largest = std::max(largest, std::fabs(exact.values[i]));
        off = std::max(off, std::fabs(exact.values[i] - static_cast<double>(rounded.values[i])));
    }
    return off / largest;
}

void check_questions(const Network& net, index_t n) {
    std::vector<example::Matrix> x;
    Samples samples;
    for (const Input& input : net.structure().inputs)
        x.push_back(example::numbers(input.size, n, 0.3));
    for (const example::Matrix& input : x) samples.x.push_back(input.view());
    const example::Matrix t = example::numbers(net.n_outputs(), n, 1.9);
    samples.t = {t.view()};
    Linearization lin(net, samples);
    const index_t p = lin.n_parameters(), columns = n * lin.n_outputs();
    for (const Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
        example::Matrix h(p, p);
        Floats one(p, p), two(p, p);
        lin.hessian(h.view(), kind);
        lin.hessian(one.view(), kind, 1);
        lin.hessian(two.view(), kind, 2);
        CHECK(one.values == two.values);
        CHECK(difference(h, one) < 1e-6);
        bool symmetric = true;
        for (index_t j = 0; j < p; ++j) {
            for (index_t i = 0; i < j; ++i) symmetric &= one.view()(i, j) == one.view()(j, i);
        }
        CHECK(symmetric);
    }
    example::Matrix jj(p, p), je(p, 1);
    Floats fjj(p, p), fje(p, 1);
    const double sse = lin.normal_equations(jj.view(), {je.values.data(), p});
    CHECK(std::fabs(lin.normal_equations(fjj.view(), {fje.values.data(), p}) - sse) <= 1e-12 * sse);
    CHECK(difference(jj, fjj) < 1e-6);
    CHECK(difference(je, fje) < 1e-7);
    if (n > 200) return;
    const auto same = [](const example::Matrix& exact, const Floats& rounded) {
        return std::equal(exact.values.begin(), exact.values.end(), rounded.values.begin(),
                          [](double a, float b) { return static_cast<float>(a) == b; });
    };
    example::Matrix j(p, columns), g(columns, columns);
    Floats fj(p, columns), fg(columns, columns);
    lin.jacobian(j.view());
    lin.jacobian(fj.view());
    CHECK(same(j, fj));
    lin.de_dwb(j.view());
    lin.de_dwb(fj.view());
    CHECK(same(j, fj));
    for (const GramForm form : {GramForm::full, GramForm::traced}) {
        const index_t size = form == GramForm::full ? columns : n;
        const MatrixView<double> exact{g.values.data(), size, size};
        const MatrixView<float> rounded{fg.values.data(), size, size};
        g.values.assign(g.values.size(), 0.0);
        fg.values.assign(fg.values.size(), 0.0F);
        lin.gram(exact, {}, form);
        lin.gram(rounded, 1, form);
        CHECK(difference(g, fg) < 1e-6);
        Floats by_two(columns, columns);
        lin.gram({by_two.values.data(), size, size, size, 1}, 2, form);
        bool symmetric = true;
        for (index_t i = 0; i < size * size; ++i) {
            symmetric &= fg.values[static_cast<std::size_t>(i)] ==
                         by_two.values[static_cast<std::size_t>(i)];
        }
        CHECK(symmetric);
    }
}

/// Every instruction set's product against a plain sum.
void check_product(const FloatKernels& k) {
    const index_t n = 136, rows = k.panel_rows + 3, columns = 17;
    const example::Matrix a = example::numbers(n, rows, 0.1), b = example::numbers(n, columns, 0.8);
    std::vector<Factor> left, right;
    std::vector<index_t> row_at, column_at;
    for (index_t r = 0; r < rows; ++r) {
        left.push_back({a.values.data() + r * n, nullptr});
        row_at.push_back(r);
    }
    for (index_t c = 0; c < columns; ++c) {
        right.push_back({b.values.data() + c * n, nullptr});
        column_at.push_back(c * rows);
    }
    std::vector<float> packed_left(static_cast<std::size_t>(2 * k.panel_rows * n));
    std::vector<float> packed_right(static_cast<std::size_t>(columns * n + 16));
    k.pack_left(n, rows, left.data(), packed_left.data(), k.panel_rows * n);
    k.pack_right(n, columns, right.data(), packed_right.data());
    std::vector<float> h(static_cast<std::size_t>(rows * columns));
    std::vector<double> wide(h.size());
    for (const bool accumulate : {false, true}) {
        k.contract(n, rows, packed_left.data(), k.panel_rows * n, row_at.data(), columns,
                   packed_right.data(), column_at.data(), rows, h.data(), accumulate);
        k.contract_wide(n, rows, packed_left.data(), k.panel_rows * n, row_at.data(), columns,
                        packed_right.data(), column_at.data(), rows, wide.data(), accumulate);
    }
    for (index_t c = 0; c < columns; ++c) {
        for (index_t r = 0; r < rows; ++r) {
            double sum = 0.0;
            for (index_t z = 0; z < n; ++z) sum += 2.0 * a(z, r) * b(z, c);
            const auto e = static_cast<std::size_t>(r + c * rows);
            CHECK(std::fabs(sum - static_cast<double>(h[e])) < 1e-4);
            CHECK(std::fabs(sum - wide[e]) < 1e-4);
        }
    }
}

}  // namespace

int main() {
    for (const index_t n : {3, 100, 1030, 2100}) {
        check_questions(example::chain({1, 10, 1}), n);
        check_questions(example::chain({4, 18, 9, 3}), n);
        check_questions(example::cascade(), n);
    }
    for (const InstructionSet& set : compiled_instruction_sets()) {
        if (set.supported()) check_product(set.float_table());
    }
    return check::result();
}
