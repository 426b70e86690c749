/// Chosen rows and columns of the Hessian, its diagonal blocks, and its packed upper triangle.

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "errors.hpp"
#include "hessian_pieces.hpp"
#include "memory.hpp"
#include "parallel.hpp"
#include "parameter_sets.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

std::vector<index_t> range(index_t first, index_t last) {
    std::vector<index_t> values(at(last - first));
    std::iota(values.begin(), values.end(), first);
    return values;
}

/// Elements of two layers that reach the result by way of a matrix of their own.
struct Detour {
    const ParameterSet *rows, *cols;
    bool swapped;  ///< the matrix is the transpose
    index_t ld;
    std::vector<double> values;
};

/// Rows of scattered elements at a time: for each neuron and each source of the columns they are
/// packed anew.
index_t rows_at_once(const Plan& plan, const ParameterSet& cols) {
    constexpr index_t packed = index_t{1} << 17;
    const PlanLayer& layer = plan.layers[at(cols.layer)];
    return std::max(packed / (layer.h + layer.k), index_t{16});
}

/// Adds the pieces of rows a by columns b, of layers a.layer <= b.layer, into a compact matrix.
void add_pieces(const Plan& plan, const ParameterSet& a, const ParameterSet& b, double* out,
                index_t ld, std::vector<HessianPiece>& pieces) {
    if (a.product && b.product) {
        pieces.push_back({a.layer, b.layer, a.i, a.p, b.i, b.p, false, out, ld});
        return;
    }
    const ParameterSet rows = a.scattered(), cols = b.scattered();
    const index_t step = rows_at_once(plan, cols);
    for (index_t first = 0; first < rows.count(); first += step) {
        const index_t last = std::min(first + step, rows.count());
        pieces.push_back({a.layer,
                          b.layer,
                          {rows.i.begin() + first, rows.i.begin() + last},
                          {rows.p.begin() + first, rows.p.begin() + last},
                          cols.i,
                          cols.p,
                          true,
                          out + first,
                          ld});
    }
}

int threads_of(const Plan& plan, const Batch& batch, double elements,
               std::optional<int> n_threads) {
    return threads_for(
        (2.0 * elements + 10.0 * plan.forward_flops) * static_cast<double>(batch.size()),
        n_threads);
}

enum class Part { all, upper };

/// `upper`: what lies in layers below the diagonal is left as it is.
void fill(const Plan& plan, const Batch& batch, Curvature kind, const std::vector<index_t>& rows,
          const std::vector<index_t>& cols, Part part, MatrixView<double> h, int n_threads) {
    const std::vector<ParameterSet> left = parameter_sets(plan, rows);
    const std::vector<ParameterSet> right = parameter_sets(plan, cols);
    const bool same = rows == cols;
    const bool columns = h.row_stride == 1 && h.col_stride >= h.rows;
    std::vector<HessianPiece> pieces;
    std::vector<Detour> detours;
    double bytes = 0.0;
    for (std::size_t r = 0; r < left.size(); ++r) {
        for (std::size_t c = same ? r : 0; c < right.size(); ++c) {
            const bool swapped = left[r].layer > right[c].layer;
            if (swapped && part == Part::upper) continue;
            const ParameterSet& a = swapped ? right[c] : left[r];
            const ParameterSet& b = swapped ? left[r] : right[c];
            // A square on the diagonal is a product, or its halves are rounded apart.
            const bool direct = same ? r == c && a.product : !swapped;
            if (columns && direct && a.natural() && b.natural()) {
                double* out = h.data + a.places[0].second + b.places[0].second * h.col_stride;
                add_pieces(plan, a, b, out, h.col_stride, pieces);
                continue;
            }
            bytes += 8.0 * static_cast<double>(a.count()) * static_cast<double>(b.count());
            need_memory(bytes, "hessian_block: work memory",
                        "ask for fewer rows or columns at a time");
            detours.push_back({&left[r], &right[c], swapped, a.count(),
                               std::vector<double>(at(a.count() * b.count()))});
            add_pieces(plan, a, b, detours.back().values.data(), a.count(), pieces);
        }
    }
    contract_pieces(plan, batch, kind, pieces, n_threads);
    for (const Detour& d : detours) {
        for (const auto& [c, col] : d.cols->places) {
            for (const auto& [r, row] : d.rows->places) {
                const double value = d.values[at(d.swapped ? c + r * d.ld : r + c * d.ld)];
                h(row, col) = value;
                if (same) h(col, row) = value;
            }
        }
    }
}

void check_indices(const char* what, const std::vector<index_t>& indices, index_t p) {
    for (const index_t index : indices) {
        if (index < 0 || index >= p) {
            throw std::out_of_range(text("hessian_block: ", what, " holds the index ", index,
                                         ", but there are ", p, " parameters"));
        }
    }
}

}  // namespace

void compute_hessian_block(const Plan& plan, const Batch& batch, Curvature kind,
                           const std::vector<index_t>& rows, const std::vector<index_t>& cols,
                           MatrixView<double> h, std::optional<int> n_threads) {
    check_indices("rows", rows, plan.n_parameters);
    check_indices("cols", cols, plan.n_parameters);
    const double elements = static_cast<double>(h.rows) * static_cast<double>(h.cols);
    fill(plan, batch, kind, rows, cols, Part::all, h, threads_of(plan, batch, elements, n_threads));
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    if (penalty == 0.0) return;
    std::multimap<index_t, index_t> columns;
    for (index_t c = 0; c < size_of(cols); ++c) columns.emplace(cols[at(c)], c);
    for (index_t r = 0; r < size_of(rows); ++r) {
        const auto [first, last] = columns.equal_range(rows[at(r)]);
        for (auto it = first; it != last; ++it) h(r, it->second) += penalty;
    }
}

void compute_hessian_layers(const Plan& plan, const Batch& batch, Curvature kind,
                            const std::vector<MatrixView<double>>& h,
                            std::optional<int> n_threads) {
    std::vector<HessianPiece> pieces;
    std::vector<std::vector<double>> scratch(h.size());
    double elements = 0.0;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const MatrixView<double>& out = h[at(l)];
        const index_t p = layer.size();
        elements += 0.25 * static_cast<double>(p) * static_cast<double>(p);
        const std::vector<index_t> neurons = range(0, layer.h), sources = range(0, layer.k);
        pieces.push_back(
            {l, l, neurons, sources, neurons, sources, false, out.data, out.col_stride});
        if (out.row_stride == 1 && out.col_stride >= p) continue;
        pieces.back().ld = out.row_stride;
        if (out.col_stride == 1 && out.row_stride >= p) continue;  // it is symmetric
        scratch[at(l)].resize(at(p * p));
        pieces.back().out = scratch[at(l)].data();
        pieces.back().ld = p;
    }
    contract_pieces(plan, batch, kind, pieces, threads_of(plan, batch, elements, n_threads));
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const MatrixView<double>& out = h[at(l)];
        const std::vector<double>& own = scratch[at(l)];
        for (index_t c = 0; c < out.cols; ++c) {
            for (index_t r = 0; !own.empty() && r < out.rows; ++r) {
                out(r, c) = own[at(r + c * out.rows)];
            }
            if (penalty != 0.0) out(c, c) += penalty;
        }
    }
}

void compute_hessian_packed(const Plan& plan, const Batch& batch, Curvature kind,
                            VectorView<double> h, std::optional<int> n_threads) {
    const index_t p = plan.n_parameters;
    const double penalty = weight_penalty_curvature(plan.performance, p);
    // Panels of whole columns of theta, so that they are rectangles, as many as memory allows.
    std::vector<index_t> ends{0};
    constexpr index_t panel_doubles = index_t{1} << 21;
    index_t most = 0;
    for (const PlanLayer& layer : plan.layers) {
        for (index_t q = 0; layer.h > 0 && q < layer.k; ++q) {
            const index_t end = layer.offset + (q + 1) * layer.h;
            const bool wider = ends.size() > 1 && end * (end - ends.end()[-2]) <= panel_doubles;
            if (wider) ends.pop_back();
            ends.push_back(end);
            most = std::max(most, end * (end - ends.end()[-2]));
        }
    }
    const std::unique_ptr<double[]> panel(new double[at(most)]);
    for (std::size_t e = 1; e < ends.size(); ++e) {
        const index_t first = ends[e - 1], last = ends[e];
        const MatrixView<double> columns{panel.get(), last, last - first};
        const double elements = static_cast<double>(last) * static_cast<double>(last - first);
        fill(plan, batch, kind, range(0, last), range(first, last), Part::upper, columns,
             threads_of(plan, batch, elements, n_threads));
        for (index_t j = first; j < last; ++j) {
            const index_t column = j * (j + 1) / 2;
            for (index_t i = 0; i <= j; ++i) h[column + i] = columns(i, j - first);
            h[column + j] += penalty;
        }
    }
}

}  // namespace jacnet
