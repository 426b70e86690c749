/// Chosen rows and columns of the Hessian.

#include <map>

#include "errors.hpp"
#include "hessian_rectangle.hpp"
#include "questions.hpp"
#include "remedies.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

constexpr Asker asker{"hessian_block", instead::fewer_rows};

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
    CurvatureBlocks curvatures(plan, batch, kind);
    contract_rectangle(asker, curvatures, rows, cols, Part::all, h,
                       threads_for_elements(plan, batch, elements, n_threads));
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    if (penalty == 0.0) return;
    std::multimap<index_t, index_t> columns;
    for (index_t c = 0; c < size_of(cols); ++c) columns.emplace(cols[at(c)], c);
    for (index_t r = 0; r < size_of(rows); ++r) {
        const auto [first, last] = columns.equal_range(rows[at(r)]);
        for (auto it = first; it != last; ++it) h(r, it->second) += penalty;
    }
}

}  // namespace jacnet
