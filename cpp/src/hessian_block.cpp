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
#include "parameter_rectangles.hpp"
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

/// A piece that fills elements of the result by way of a matrix of its own.
struct Detour {
    std::size_t piece;
    const ParameterRectangle *rows, *cols;
    bool swapped;  ///< the piece is the transpose
    std::vector<double> values;
};

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
    const std::vector<ParameterRectangle> left = parameter_rectangles(plan, rows),
                                          right = parameter_rectangles(plan, cols);
    const bool same = rows == cols;
    std::vector<HessianPiece> pieces;
    std::vector<Detour> detours;
    double bytes = 0.0;
    for (std::size_t r = 0; r < left.size(); ++r) {
        for (std::size_t c = same ? r : 0; c < right.size(); ++c) {
            const bool swapped = left[r].layer > right[c].layer;
            if (swapped && part == Part::upper) continue;
            const ParameterRectangle& a = swapped ? right[c] : left[r];
            const ParameterRectangle& b = swapped ? left[r] : right[c];
            HessianPiece piece{a.layer, b.layer, a.i, a.p, b.i, b.p, nullptr, 0};
            const bool once = !same || r == c;
            if (h.row_stride == 1 && h.col_stride >= h.rows && once && !swapped && a.natural() &&
                b.natural()) {
                piece.out = h.data + a.places[0].second + b.places[0].second * h.col_stride;
                piece.ld = h.col_stride;
            } else {
                bytes +=
                    8.0 * static_cast<double>(piece.rows()) * static_cast<double>(piece.cols());
                need_memory(bytes, "hessian_block: work memory",
                            "ask for fewer rows or columns at a time");
                detours.push_back({pieces.size(), &left[r], &right[c], swapped,
                                   std::vector<double>(at(piece.rows() * piece.cols()))});
                piece.out = detours.back().values.data();
                piece.ld = piece.rows();
            }
            pieces.push_back(std::move(piece));
        }
    }
    contract_pieces(plan, batch, kind, pieces, n_threads);
    for (const Detour& d : detours) {
        const index_t ld = pieces[d.piece].ld;
        for (const auto& [c, col] : d.cols->places) {
            for (const auto& [r, row] : d.rows->places) {
                const double value = d.values[at(d.swapped ? c + r * ld : r + c * ld)];
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
        pieces.push_back({l, l, neurons, sources, neurons, sources, out.data, out.col_stride});
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
