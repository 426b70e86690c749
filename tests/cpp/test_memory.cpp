/// What cannot be had is refused before anything is touched, with its size and a way out. The views
/// point nowhere: a check that fails here reads or writes them.

#include "check.hpp"
#include "directions.hpp"
#include "memory.hpp"
#include "networks.hpp"
#include "vector_sums.hpp"

using namespace jacnet;

namespace {

/// The message of what a call must refuse.
template <class F>
std::string refused(F&& f) {
    try {
        f();
    } catch (const OutOfMemory& e) {
        return e.what();
    }
    return "nothing was refused";
}

#define CHECK_REFUSED(statement, start, remedy)                                         \
    do {                                                                                \
        const std::string message = refused([&] { statement; });                        \
        CHECK_EQUAL(message.substr(0, std::string(start).size()), start);               \
        CHECK_EQUAL(message.substr(message.rfind("; ")), std::string("; ") + (remedy)); \
        CHECK(message.find(" GiB, but ") != std::string::npos);                         \
    } while (false)

constexpr const char* forms =
    "ask for products with vectors (hvp, HessianOperator), hessian_block of some rows or "
    "hessian_diagonal";

/// A network of a million parameters, on one sample.
struct Wide {
    Network net = Network(chain({1, width, 1}));
    example::Matrix x = example::numbers(1, 1, 0.1), t = example::numbers(1, 1, 0.2);
    Linearization lin{net, {.x = {x.view()}, .t = {t.view()}}};
    static constexpr index_t width = 400'000, p = 3 * width + 1;
    static constexpr index_t apart = index_t{1} << 40;
};

void check_matrices(Wide& wide) {
    const MatrixView<double> spread{nullptr, Wide::p, Wide::p, 2, Wide::apart};
    constexpr const char* ordinary = "pass an ordinary array as out";
    CHECK_REFUSED(wide.lin.hessian(spread), "hessian: a copy of out, ", ordinary);
    CHECK_REFUSED(wide.lin.hessian(spread, Curvature::gauss_newton),
                  "gauss_newton: a copy of out, ", ordinary);
    CHECK_REFUSED(wide.lin.fisher(spread, Fisher::empirical), "empirical_fisher: a copy of out, ",
                  ordinary);
    std::vector<double> je(static_cast<std::size_t>(Wide::p));
    CHECK_REFUSED(wide.lin.normal_equations(spread, {je.data(), Wide::p}),
                  "normal_equations: a copy of out, ", ordinary);
}

void check_float_sums() {
    Wide wide;
    const std::vector<index_t> repeated(5000, 0);
    Linearization lin(wide.net,
                      {.x = {wide.x.view()}, .t = {wide.t.view()}, .ew = {}, .indices = repeated});
    const MatrixView<float> h{nullptr, Wide::p, Wide::p};
    constexpr const char* sums = ": the sums in float64 of a float32 matrix ";
    constexpr const char* fewer = "ask for fewer samples at a time (samples=)";
    std::vector<float> je(static_cast<std::size_t>(Wide::p));
    CHECK_REFUSED(lin.hessian(h), std::string("hessian") + sums, fewer);
    CHECK_REFUSED(lin.hessian(h, Curvature::gauss_newton), std::string("gauss_newton") + sums,
                  fewer);
    CHECK_REFUSED(lin.normal_equations(h, {je.data(), Wide::p}),
                  std::string("normal_equations") + sums, fewer);
}

void check_pieces(Wide& wide) {
    constexpr const char* fewer =
        "ask for fewer rows or columns at a time, or for hessian_diagonal";
    std::vector<index_t> many(static_cast<std::size_t>(Wide::width));
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<index_t>(2 * i);
    double element = 0.0;
    const index_t size = Wide::width;
    CHECK_REFUSED(wide.lin.hessian_block(many, many, {nullptr, size, size, 2, Wide::apart}),
                  "hessian_block: work memory ", fewer);
    CHECK_REFUSED(wide.lin.hessian_block({0}, {1}, {&element, 1, 1}),
                  "hessian_block: the curvatures that it is made of ", fewer);
    const index_t hidden = 2 * Wide::width, output = Wide::width + 1;
    const std::vector<MatrixView<double>> plain{{nullptr, hidden, hidden},
                                                {nullptr, output, output}};
    CHECK_REFUSED(wide.lin.hessian_layers(plain), "hessian_layers: the lists of its products ",
                  forms);
    std::vector<MatrixView<double>> spread = plain;
    for (MatrixView<double>& block : spread) {
        block.row_stride = 2;
        block.col_stride = Wide::apart;
    }
    CHECK_REFUSED(wide.lin.hessian_layers(spread),
                  "hessian_layers: blocks without contiguous rows or columns ",
                  "pass ordinary arrays as out, or ask for hessian_diagonal");
    CHECK_REFUSED(wide.lin.hessian_packed({nullptr, Wide::p * (Wide::p + 1) / 2}),
                  "hessian_packed: a panel of columns ", forms);
}

void check_gram() {
    constexpr index_t inputs = 1'000'000, samples = 1'000'000;
    const Network net(chain({inputs, 1}));
    const double zero = 0.0;
    const MatrixView<const double> x{&zero, inputs, 1, 0, 0};
    const std::vector<index_t> repeated(static_cast<std::size_t>(samples), 0);
    Linearization lin(net, {.x = {x}, .t = {}, .ew = {}, .indices = repeated});
    constexpr const char* fewer = "ask for fewer samples at a time (samples=, or ntk of two parts)";
    CHECK_REFUSED(lin.gram(MatrixView<double>{nullptr, samples, samples}),
                  "gram: sources and sensitivities of all samples ", fewer);
    CHECK_REFUSED(lin.gram(MatrixView<float>{nullptr, samples, samples}),
                  "gram: sources and sensitivities of all samples ", fewer);
}

void check_vectors() {
    const double zero = 0.0;
    constexpr index_t many = index_t{1} << 20;
    Workspace work;
    CHECK_REFUSED(Directions("hvp", {&zero, many, many, 0, 0}, work),
                  "hvp: v, copied because its columns are not contiguous, ",
                  "pass v in Fortran order, or fewer vectors at a time");
    const Network net = example::chain({2, 3, 1});
    const example::Matrix x = example::numbers(2, 5, 0.1);
    const Samples samples{.x = {x.view()}, .t = {}};
    const Plan plan(net, "vjp", Parameters::copied);
    const Batch batch(plan, samples, "vjp");
    Tape tape(plan, batch, false);
    const MatrixView<double> out{nullptr, index_t{1} << 42, 1};
    CHECK_REFUSED(
        sum_for_vectors(
            "vjp", tape, {}, 1, out, [](const Block&) {}, [](const Block&, index_t, double*) {},
            [](index_t, index_t, double sum) { return sum; }),
        "vjp: the sums over samples ", "ask for fewer parameters (net.set_learn)");
}

/// What fits is not refused: the same numbers by whichever blocks, of kept curvatures or not.
void check_packed() {
    const Network net = example::chain({40, 35, 8, 2});
    for (const index_t n : {3, 70, 2000}) {
        const example::Matrix x = example::numbers(40, n, 0.3), t = example::numbers(2, n, 1.1);
        Linearization lin(net, {.x = {x.view()}, .t = {t.view()}});
        const index_t p = lin.n_parameters();
        example::Matrix h(p, p);
        std::vector<double> packed(static_cast<std::size_t>(p * (p + 1) / 2));
        for (const Curvature kind : {Curvature::exact, Curvature::gauss_newton}) {
            lin.hessian(h.view(), kind);
            lin.hessian_packed({packed.data(), p * (p + 1) / 2}, kind);
            double largest = 0.0, off = 0.0;
            for (index_t j = 0, e = 0; j < p; ++j) {
                for (index_t i = 0; i <= j; ++i, ++e) {
                    largest = std::max(largest, std::fabs(h(i, j)));
                    off = std::max(off, std::fabs(h(i, j) - packed[static_cast<std::size_t>(e)]));
                }
            }
            CHECK(off <= 1e-13 * largest);
        }
    }
}

}  // namespace

int main() {
    Wide wide;
    check_matrices(wide);
    check_pieces(wide);
    check_float_sums();
    check_gram();
    check_vectors();
    check_packed();
    return check::result();
}
