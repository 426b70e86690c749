#include "hessian_rectangle.hpp"

#include <deque>
#include <utility>

#include "errors.hpp"
#include "memory.hpp"
#include "parameter_sets.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

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

/// Pieces of a rectangle, and the sets that they borrow their indices from.
struct Pieces {
    std::vector<HessianPiece> all;
    std::deque<ParameterSet> sets;
};

/// Adds the pieces of rows a by columns b, of layers a.layer <= b.layer, into a compact matrix.
void add_pieces(const Plan& plan, const ParameterSet& a, const ParameterSet& b, double* out,
                index_t ld, Pieces& pieces) {
    if (a.product && b.product) {
        pieces.all.push_back({a.layer, b.layer, a.i, a.p, b.i, b.p, false, out, ld});
        return;
    }
    const ParameterSet& rows = pieces.sets.emplace_back(a.scattered());
    const ParameterSet& cols = pieces.sets.emplace_back(b.scattered());
    const std::span<const index_t> i = rows.i, p = rows.p;
    const index_t step = rows_at_once(plan, cols);
    for (index_t first = 0; first < rows.count(); first += step) {
        const std::size_t n = at(std::min(step, rows.count() - first));
        pieces.all.push_back({a.layer, b.layer, i.subspan(at(first), n), p.subspan(at(first), n),
                              cols.i, cols.p, true, out + first, ld});
    }
}

/// The values of the detours, put where they belong.
void put(const std::vector<Detour>& detours, bool mirrored, const MatrixView<double>& h) {
    for (const Detour& d : detours) {
        parallel_for(size_of(d.cols->places), 1, [&](index_t e) {
            const auto& [c, col] = d.cols->places[at(e)];
            for (const auto& [r, row] : d.rows->places) {
                const double value = d.values[at(d.swapped ? c + r * d.ld : r + c * d.ld)];
                h(row, col) = value;
                if (mirrored) h(col, row) = value;
            }
        });
    }
}

}  // namespace

void contract_rectangle(const Asker& asker, CurvatureBlocks& curvatures,
                        const std::vector<index_t>& rows, const std::vector<index_t>& cols,
                        Part part, MatrixView<double> h, int n_threads) {
    const Plan& plan = curvatures.plan();
    const std::vector<ParameterSet> left = parameter_sets(plan, rows);
    const std::vector<ParameterSet> right = parameter_sets(plan, cols);
    const bool same = rows == cols;
    const bool columns = h.row_stride == 1 && h.col_stride >= h.rows;
    Pieces pieces;
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
            need_memory(bytes, text(asker.function, ": work memory"), asker.remedy);
            detours.push_back({&left[r], &right[c], swapped, a.count(),
                               std::vector<double>(at(a.count() * b.count()))});
            add_pieces(plan, a, b, detours.back().values.data(), a.count(), pieces);
        }
    }
    contract_pieces(asker, curvatures, pieces.all, n_threads);
    put(detours, same, h);
}

int threads_for_elements(const Plan& plan, const Batch& batch, double elements,
                         std::optional<int> n_threads) {
    return threads_for(
        (2.0 * elements + 10.0 * plan.forward_flops) * static_cast<double>(batch.size()),
        n_threads);
}

}  // namespace jacnet
