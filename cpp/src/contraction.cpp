#include "contraction.hpp"

#include <algorithm>

#include "parallel.hpp"

namespace jacnet {

namespace {

using What = LaneArray::What;

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

index_t pairs(index_t n) { return n * (n + 1) / 2; }

/// Flops of a task per lane: a task is then worth some hundred microseconds.
constexpr index_t task_flops = index_t{1} << 15;
/// Bytes of a packed right operand, which should stay in the second-level cache.
constexpr index_t right_bytes = index_t{256} << 10;

/// The lanes of an array in a block that is still at hand.
const double* values(const LaneArray& array, const Plan& plan, const Block& block,
                     const CurvatureTape* tape, index_t output) {
    switch (array.what) {
        case What::none:
            return nullptr;
        case What::b:
            return tape->b(array.l, array.k);
        case What::c:
            return tape->c(array.l, array.k);
        case What::u:
            return block.layers[array.l].u;
        case What::g:
            return block.layers[array.l].g;
        case What::d1:
            return block.layers[array.l].d1;
        case What::d:
            return block.layers[array.l].d + output * plan.layers[at(array.l)].h * block.n;
    }
    return nullptr;
}

/// Rows [first, last) of an operand as pointers to their lanes.
void point(const Operand& operand, index_t first, index_t last, const double* x, const double* y,
           index_t n, Factor* factors) {
    for (index_t r = first; r < last; ++r) {
        *factors++ = {x + operand.x_lane[r] * n, y ? y + operand.y_lane[r] * n : nullptr};
    }
}

}  // namespace

Contraction::Contraction(const Plan& plan, Curvature kind, Route route, index_t ld, Workspace& work)
    : plan_(plan), ld_(ld) {
    const index_t n_layers = plan.n_layers();
    terms_.reserve(at(n_layers * (n_layers + 1)));
    for (index_t l = 0; l < n_layers; ++l) {
        if (plan.layers[at(l)].size() == 0) continue;
        for (index_t k = l; k < n_layers; ++k) {
            if (plan.layers[at(k)].size() == 0) continue;
            if (route == Route::columns) {
                add_columns(l, k, work);
                continue;
            }
            add_main(l, k, work);
            if (kind == Curvature::exact && k > l) add_corrections(l, k, work);
        }
    }
    for (const Term& term : terms_) {
        keep(term.right.x);
        keep(term.right.y);
    }
    index_t per_lane = 1;
    for (const Term& term : terms_) {
        per_lane += round_up(term.left.count, kernel_table().panel_rows);
    }
    for (const Kept& kept : kept_) per_lane += kept.features;
    constexpr index_t most = 512;
    const auto bytes = static_cast<index_t>(sizeof(double)) * per_lane;
    block_lanes_ = std::clamp(block_bytes / bytes / lanes * lanes, lanes, most);
}

Route Contraction::choose(const Plan& plan, Curvature kind, Objective objective) {
    if (kind == Curvature::exact) return Route::curvature;
    for (const PlanOutput& output :
         plan.outputs) {  // its second derivative has no root by elements
        const LossForm form = loss_form(plan, output, objective);
        if (form == LossForm::softmax_entropy || form == LossForm::own) return Route::curvature;
    }
    // Multiply-adds per sample; what is made and packed per lane weighs more than what is summed.
    constexpr double making = 12.0;
    const double panel = static_cast<double>(kernel_table().panel_rows);
    double curvature = 0.0, columns = 0.0;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& a = plan.layers[at(l)];
        for (index_t k = l; k < plan.n_layers(); ++k) {
            const PlanLayer& b = plan.layers[at(k)];
            const auto size = static_cast<double>(a.size() * b.size());
            const auto made = static_cast<double>(a.h * b.h);
            // Few columns starve the products: a packed row is then read for little work.
            const double sources = static_cast<double>(k == l ? pairs(a.k) : a.k * b.k);
            const double starved = 1.0 + 0.5 * panel / (panel + sources);
            curvature += (k == l ? 0.25 : 1.0) * size * starved + making * made +
                         static_cast<double>(a.h) * made;
            columns += size;
        }
        columns += making * static_cast<double>(a.size());
    }
    return columns * static_cast<double>(plan.n_outputs) < curvature ? Route::columns
                                                                     : Route::curvature;
}

Operand Contraction::operand(LaneArray x, LaneArray y, index_t capacity, Workspace& work) const {
    Operand o{.x = x, .y = y};
    o.x_lane = work.array<index_t>(capacity);
    o.y_lane = work.array<index_t>(capacity);
    o.offset = work.array<index_t>(capacity);
    return o;
}

/// sum u_l[p] u_k[q] B_lk[i, j]; on the diagonal p <= q and i <= j.
void Contraction::add_main(index_t l, index_t k, Workspace& work) {
    const PlanLayer& a = plan_.layers[at(l)];
    const PlanLayer& b = plan_.layers[at(k)];
    const bool diagonal = l == k;
    Operand second = operand({What::b, l, k}, {}, diagonal ? pairs(a.h) : a.h * b.h, work);
    for (index_t j = 0; j < b.h; ++j) {
        for (index_t i = 0; i < (diagonal ? j + 1 : a.h); ++i)
            second.add(i + a.h * j, 0, i + j * ld_);
    }
    Operand sources = operand({What::u, l}, {What::u, k}, diagonal ? pairs(a.k) : a.k * b.k, work);
    for (index_t q = 0; q < b.k; ++q) {
        for (index_t p = 0; p < (diagonal ? q + 1 : a.k); ++p) {
            sources.add(p, q, a.offset + p * a.h + (b.offset + q * b.h) * ld_);
        }
    }
    // The left operand is filled up to whole panels.
    const index_t panel = kernel_table().panel_rows;
    const index_t cost = round_up(second.count, panel) * sources.count;
    const index_t swapped = round_up(sources.count, panel) * second.count;
    if (4 * cost <= 5 * swapped) {
        add_term(second, sources, true);
    } else {
        add_term(sources, second, true);
    }
}

/// sum (u_l[p] d_l[i]) (u_k[q] d_k[j]); on the diagonal (p, i) <= (q, j).
void Contraction::add_columns(index_t l, index_t k, Workspace& work) {
    const auto side = [&](index_t layer, index_t step) {
        const PlanLayer& a = plan_.layers[at(layer)];
        Operand o = operand({What::u, layer}, {What::d, layer}, a.size(), work);
        for (index_t p = 0; p < a.k; ++p) {
            for (index_t i = 0; i < a.h; ++i) o.add(p, i, (a.offset + p * a.h + i) * step);
        }
        return o;
    };
    add_term(side(l, 1), side(k, ld_), true, l == k);
}

/// sum u_l[p] g_k[j] dC[i, q], dC = da_r[q] / deps_l[i] for the columns q of u_k that come from a
/// layer r >= l.
void Contraction::add_corrections(index_t l, index_t k, Workspace& work) {
    const PlanLayer& a = plan_.layers[at(l)];
    const PlanLayer& b = plan_.layers[at(k)];
    for (const Feed& feed : b.feeds) {
        if (feed.kind != SourceKind::layer || feed.source < l || feed.column >= b.k) continue;
        const index_t corner = a.offset + (b.offset + feed.column * b.h) * ld_;
        if (feed.source == l && !a.matrix_slope) {  // dC is diagonal: i = q
            Operand left = operand({What::u, l}, {}, a.k, work);
            for (index_t p = 0; p < a.k; ++p) left.add(p, 0, p * a.h);
            Operand right = operand({What::d1, l}, {What::g, k}, a.h * b.h, work);
            for (index_t q = 0; q < a.h; ++q) {
                for (index_t j = 0; j < b.h; ++j) {
                    right.add(q, j, corner + q + (q * b.h + j) * ld_);
                }
            }
            add_term(left, right, false);
            continue;
        }
        Operand left = operand({What::c, l, feed.source}, {}, a.h * feed.width, work);
        for (index_t q = 0; q < feed.width; ++q) {
            for (index_t i = 0; i < a.h; ++i) left.add(i + a.h * q, 0, i + q * b.h * ld_);
        }
        Operand right = operand({What::u, l}, {What::g, k}, a.k * b.h, work);
        for (index_t j = 0; j < b.h; ++j) {
            for (index_t p = 0; p < a.k; ++p) right.add(p, j, corner + p * a.h + j * ld_);
        }
        add_term(left, right, false);
    }
}

void Contraction::add_term(Operand left, Operand right, bool main, bool triangular) {
    terms_.push_back(
        {.left = left, .right = right, .packed = nullptr, .main = main, .triangular = triangular});
}

void Contraction::keep(const LaneArray& array) {
    if (array.what == What::none) return;
    for (const Kept& k : kept_) {
        if (k.array == array) return;
    }
    kept_.push_back({array, features(array), nullptr});
}

const double* Contraction::kept(const LaneArray& array) const {
    for (const Kept& k : kept_) {
        if (k.array == array) return k.values;
    }
    return nullptr;
}

index_t Contraction::features(const LaneArray& array) const {
    const PlanLayer& layer = plan_.layers[at(array.l)];
    if (array.what == What::u) return layer.k;
    if (array.what != What::b && array.what != What::c) return layer.h;
    return layer.h * plan_.layers[at(array.k)].h;
}

void Contraction::reserve(index_t n, Workspace& work) {
    n_ = n;
    const index_t panel = kernel_table().panel_rows;
    for (Term& term : terms_) {
        const auto shared = std::find_if(terms_.begin(), terms_.end(), [&](const Term& other) {
            return other.left.x == term.left.x && other.left.y == term.left.y;
        });
        term.packed =
            &*shared == &term ? work.doubles(n * round_up(term.left.count, panel)) : shared->packed;
    }
    for (Kept& kept : kept_) kept.values = work.doubles(n * kept.features);
    cut(n);
}

void Contraction::take(index_t begin, const Block& block, const CurvatureTape* tape,
                       index_t output) {
    const index_t panel = kernel_table().panel_rows;
    for (std::size_t t = 0; t < terms_.size(); ++t) {
        const Term& term = terms_[t];
        const bool done = std::any_of(terms_.begin(), terms_.begin() + static_cast<index_t>(t),
                                      [&](const Term& o) { return o.packed == term.packed; });
        if (done) continue;
        Workspace work;
        Factor* factors = work.array<Factor>(term.left.count);
        point(term.left, 0, term.left.count, values(term.left.x, plan_, block, tape, output),
              values(term.left.y, plan_, block, tape, output), block.n, factors);
        kernel_table().pack_left(block.n, term.left.count, factors, term.packed + begin * panel,
                                 panel * n_);
    }
    for (const Kept& kept : kept_) {
        const double* from = values(kept.array, plan_, block, tape, output);
        for (index_t f = 0; f < kept.features; ++f) {
            std::copy_n(from + f * block.n, block.n, kept.values + f * n_ + begin);
        }
    }
}

/// Shares of the terms; they depend on the problem alone.
void Contraction::cut(index_t n) {
    const index_t panel = kernel_table().panel_rows;
    main_tasks_.clear();
    correction_tasks_.clear();
    for (std::size_t t = 0; t < terms_.size(); ++t) {
        const Term& term = terms_[t];
        const index_t rows = term.left.count, columns = term.right.count;
        const index_t width = std::clamp(right_bytes / (8 * n) / 12 * 12, index_t{24},
                                         std::max(columns, index_t{24}));
        const index_t height = std::max(round_up(8 * task_flops / width, panel), 8 * panel);
        const index_t column_parts = (columns + width - 1) / width;
        for (index_t c = 0; c < column_parts; ++c) {
            const index_t first_column = columns * c / column_parts;
            const index_t last_column = columns * (c + 1) / column_parts;
            const index_t last_row = term.triangular ? last_column : rows;
            const index_t row_parts = (last_row + height - 1) / height;
            const index_t row_panels = (last_row + panel - 1) / panel;
            for (index_t r = 0; r < row_parts; ++r) {
                const index_t first = panel * (row_panels * r / row_parts);
                const index_t last = std::min(panel * (row_panels * (r + 1) / row_parts), last_row);
                (term.main ? main_tasks_ : correction_tasks_)
                    .push_back({static_cast<index_t>(t), first, last, first_column, last_column});
            }
        }
    }
}

void Contraction::run(const Task& task, double* h, bool accumulate) const {
    const Term& term = terms_[at(task.term)];
    const index_t columns = task.last_column - task.first_column;
    Workspace work;
    Factor* factors = work.array<Factor>(columns);
    point(term.right, task.first_column, task.last_column, kept(term.right.x), kept(term.right.y),
          n_, factors);
    double* right = work.doubles(columns * n_ + 16);
    const Kernels& kernels = kernel_table();
    kernels.pack_right(n_, columns, factors, right);
    kernels.contract(n_, task.last_row - task.first_row, term.packed + task.first_row * n_,
                     kernels.panel_rows * n_, term.left.offset + task.first_row, columns, right,
                     term.right.offset + task.first_column, h, accumulate || !term.main);
}

void Contraction::contract(double* h, bool accumulate, int n_threads) const {
    for (const std::vector<Task>* tasks : {&main_tasks_, &correction_tasks_}) {
        parallel_for(static_cast<index_t>(tasks->size()), n_threads,
                     [&](index_t t) { run((*tasks)[at(t)], h, accumulate); });
    }
}

}  // namespace jacnet
