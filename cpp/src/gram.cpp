/// Gram matrix of the Jacobian's columns, (dy/dw)'(dy/dw), without the Jacobian: for samples n, n'
/// and outputs m, m', the sum over layers of (u_l(n) . u_l(n')) (d_l,m(n) . d_l,m'(n')); or its
/// trace over m = m', where the second factor is one product over pairs of neuron and output. The
/// empirical neural tangent kernel: Jacot, Gabriel and Hongler (2018), "Neural tangent kernel",
/// NeurIPS 31.
///
/// A layer that only linear outputs read has d_l,m = f_l' c_m, with c_m the same for all samples:
/// the trace is a product over its neurons alone, and the full form needs half of the pairs of
/// outputs. The operands are packed once. Tiles of the result stay in a core's cache while layers
/// are added to them, and are written once.

#include <cmath>

#include "caches.hpp"
#include "errors.hpp"
#include "gram_tile.hpp"
#include "jacnet/derivatives.hpp"
#include "questions.hpp"
#include "remedies.hpp"

namespace jacnet {

namespace {

template <class Real>
MatrixView<Real> part(const MatrixView<Real>& whole, index_t row, index_t column, index_t rows,
                      index_t columns) {
    return {whole.data + row * whole.row_stride + column * whole.col_stride, rows, columns,
            whole.row_stride, whole.col_stride};
}

/// Multiplications of sensitivities, per pair of samples.
double pair_flops(const gram::Shape& shape) {
    double flops = 0.0;
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        const double pairs = static_cast<double>(shape.outputs * shape.outputs) *
                             (shape.kind(l) == gram::Kind::scaled ? 0.5 : 1.0);
        flops += static_cast<double>(shape.plan.layers[static_cast<std::size_t>(l)].k) +
                 static_cast<double>(shape.features(l)) * pairs;
    }
    return 2.0 * flops;
}

/// Whether a result goes past the caches.
template <class Real>
bool streamed(const MatrixView<Real>& out, int n_threads) {
    return past_caches(static_cast<double>(out.rows) * static_cast<double>(out.cols) * sizeof(Real),
                       n_threads);
}

/// The column of element `number` of an upper triangle, column by column.
index_t triangle_column(index_t number) {
    auto column =
        static_cast<index_t>((std::sqrt(8.0 * static_cast<double>(number) + 1.0) - 1.0) / 2.0);
    while (column * (column + 1) / 2 > number) --column;  // where the root is rounded
    while ((column + 1) * (column + 2) / 2 <= number) ++column;
    return column;
}

/// Refuses what two sides and a tile for each thread take, where it cannot be had.
template <class Real>
void need_room(const char* function, const gram::Shape& shape, double sides, int n_threads) {
    const double tiles = static_cast<double>(n_threads) * gram::Tile<Real>::bytes(shape);
    need_memory(sides + tiles, std::string(function) + ": sources and sensitivities of all samples",
                instead::gram);
}

template <class Real>
void gram_into(const char* function, Tape& tape, MatrixView<Real> g, std::optional<int> requested,
               GramForm form) {
    if (g.rows == 0) return;
    const gram::Shape shape(tape.plan(), form, kernels_of<Real>().panel_rows);
    const auto count = static_cast<double>(tape.batch().size());
    const int n_threads = threads_for(0.5 * count * count * pair_flops(shape), requested);
    using gram::Role;
    need_room<Real>(function, shape,
                    gram::Side<Real>::bytes(shape, tape.batch().size(), {Role::left, Role::right}),
                    n_threads);
    Workspace work;
    const gram::Side<Real> side(shape, tape, n_threads, work);
    const gram::Operands<Real> left = side.packed(Role::left, n_threads, work);
    const gram::Operands<Real> right = side.packed(Role::right, n_threads, work);
    const index_t n_chunks = side.n_chunks(), step = shape.chunk * shape.outputs;
    parallel_for(n_chunks * (n_chunks + 1) / 2, n_threads, [&](index_t task) {
        const index_t b = triangle_column(task), a = task - b * (b + 1) / 2;
        Workspace own;
        gram::Tile<Real> tile(shape, side.samples(a), side.samples(b), own);
        tile.fill(left, a, right, b);
        if (a == b) tile.mirror();
        tile.put(part(g, a * step, b * step, tile.rows(), tile.columns()), streamed(g, n_threads));
        if (a == b) return;
        tile.put(part(g, b * step, a * step, tile.columns(), tile.rows()).transposed(),
                 streamed(g, n_threads));
    });
}

template <class Real>
void ntk_into(Tape& rows, Tape& columns, MatrixView<Real> k, std::optional<int> requested,
              GramForm form) {
    if (k.rows == 0 || k.cols == 0) return;
    const gram::Shape shape(rows.plan(), form, kernels_of<Real>().panel_rows);
    const double pairs =
        static_cast<double>(rows.batch().size()) * static_cast<double>(columns.batch().size());
    const int n_threads = threads_for(pairs * pair_flops(shape), requested);
    using gram::Role;
    need_room<Real>("ntk", shape,
                    gram::Side<Real>::bytes(shape, rows.batch().size(), {Role::left}) +
                        gram::Side<Real>::bytes(shape, columns.batch().size(), {Role::right}),
                    n_threads);
    Workspace work;
    const gram::Side<Real> one(shape, rows, n_threads, work),
        other(shape, columns, n_threads, work);
    const gram::Operands<Real> left = one.packed(Role::left, n_threads, work);
    const gram::Operands<Real> right = other.packed(Role::right, n_threads, work);
    const index_t step = shape.chunk * shape.outputs;
    parallel_for(one.n_chunks() * other.n_chunks(), n_threads, [&](index_t task) {
        const index_t a = task % one.n_chunks(), b = task / one.n_chunks();
        Workspace own;
        gram::Tile<Real> tile(shape, one.samples(a), other.samples(b), own);
        tile.fill(left, a, right, b);
        tile.put(part(k, a * step, b * step, tile.rows(), tile.columns()), streamed(k, n_threads));
    });
}

template <class Real>
void ntk_into(const Network& net, const std::vector<MatrixView<const double>>& x1,
              const std::vector<MatrixView<const double>>& x2, MatrixView<Real> k, GramForm form,
              std::optional<int> n_threads) {
    const Plan plan(net, "ntk", Parameters::borrowed);
    const Samples one{.x = x1, .t = {}}, other{.x = x2, .t = {}};
    constexpr auto policy = Batch::UnknownInputs::refused;
    const Batch rows(plan, one, "ntk", policy, "x1");
    const index_t outputs = form == GramForm::full ? plan.n_outputs : 1;
    Tape left(plan, rows, false);
    if (x2.empty()) {
        check_out("ntk", k, outputs * rows.size(), outputs * rows.size());
        return gram_into("ntk", left, k, n_threads, form);
    }
    const Batch columns(plan, other, "ntk", policy, "x2");
    check_out("ntk", k, outputs * rows.size(), outputs * columns.size());
    Tape right(plan, columns, false);
    ntk_into(left, right, k, n_threads, form);
}

}  // namespace

void compute_gram(Tape& tape, MatrixView<double> g, std::optional<int> n_threads, GramForm form) {
    gram_into("gram", tape, g, n_threads, form);
}

void compute_gram(Tape& tape, MatrixView<float> g, std::optional<int> n_threads, GramForm form) {
    gram_into("gram", tape, g, n_threads, form);
}

void ntk(const Network& net, const std::vector<MatrixView<const double>>& x1,
         const std::vector<MatrixView<const double>>& x2, MatrixView<double> k, GramForm form,
         std::optional<int> n_threads) {
    ntk_into(net, x1, x2, k, form, n_threads);
}

void ntk(const Network& net, const std::vector<MatrixView<const double>>& x1,
         const std::vector<MatrixView<const double>>& x2, MatrixView<float> k, GramForm form,
         std::optional<int> n_threads) {
    ntk_into(net, x1, x2, k, form, n_threads);
}

}  // namespace jacnet
