#include "contraction.hpp"

#include <algorithm>
#include <type_traits>

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
        case What::v:
            return block.layers[array.l].v;
        case What::g:
            return block.layers[array.l].g;
        case What::d1:
            return block.layers[array.l].d1;
        case What::d2:
            return block.layers[array.l].d2;
        case What::d:
            return block.layers[array.l].d + output * plan.layers[at(array.l)].h * block.n;
    }
    return nullptr;
}

/// Whether no layer that reads another one adds curvature of its own, so that a hidden neuron bends
/// in its own weights alone.
bool shallow(const Plan& plan, Objective objective) {
    return std::all_of(plan.layers.begin(), plan.layers.end(), [&](const PlanLayer& layer) {
        const bool straight =
            layer.transfer == Transfer::purelin ||
            (layer.successors.empty() && layer.output >= 0 &&
             loss_form(plan, plan.outputs[at(layer.output)], objective) != LossForm::output);
        return !layer.matrix_slope && (!layer.reads_layers() || straight);
    });
}

}  // namespace

Contraction::Contraction(const Plan& plan, Curvature kind, Route route, Precision precision,
                         index_t ld, Workspace& work)
    : plan_(plan), precision_(precision), ld_(ld) {
    const index_t n_layers = plan.n_layers();
    const bool exact = kind == Curvature::exact;
    if (route == Route::columns) add_columns(work);
    for (index_t l = 0; l < n_layers; ++l) {
        if (plan.layers[at(l)].size() == 0) continue;
        if (route == Route::columns && exact) add_neurons(l, work);
        for (index_t k = l; k < n_layers; ++k) {
            if (plan.layers[at(k)].size() == 0) continue;
            if (route == Route::curvature) add_main(l, k, work);
            if (exact && k > l) add_corrections(l, k, route, work);
        }
    }
    for (const Term& term : terms_) {
        for (index_t s = 0; s < term.right.n_segments; ++s) {
            keep(term.right.segments[s].x);
            keep(term.right.segments[s].y);
        }
    }
    index_t bytes = static_cast<index_t>(sizeof(double));  // of a lane
    for (const Packed& packed : packed_) {
        bytes += bytes_of_product() * round_up(packed.operand.count, panel_rows());
    }
    for (const Kept& kept : kept_) bytes += static_cast<index_t>(sizeof(double)) * kept.features;
    // Faster products want fewer passes over the matrix.
    const index_t most = precision == Precision::float32 ? 1024 : 512;
    block_lanes_ = std::clamp(block_bytes / bytes / lanes * lanes, lanes, most);
}

Route Contraction::choose(const Plan& plan, Curvature kind, Objective objective) {
    const bool exact = kind == Curvature::exact;
    if (exact && (plan.n_outputs > 1 || !shallow(plan, objective))) return Route::curvature;
    for (const PlanOutput& output :
         plan.outputs) {  // its second derivative has no root by elements
        const LossForm form = loss_form(plan, output, objective);
        if (form == LossForm::softmax_entropy || form == LossForm::own) return Route::curvature;
    }
    // Multiply-adds per sample; what is made and packed per lane weighs more than what is summed.
    constexpr double making = 12.0;
    const double panel = static_cast<double>(kernel_table().panel_rows);
    const double p = static_cast<double>(plan.n_parameters);
    double curvature = 0.0, columns = 0.5 * p * (p + panel);
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
        }
        columns += making * static_cast<double>(a.size());
        if (exact) columns += static_cast<double>(a.h * pairs(a.k));
    }
    return columns * static_cast<double>(plan.n_outputs) < curvature ? Route::columns
                                                                     : Route::curvature;
}

index_t Contraction::panel_rows() const {
    return precision_ == Precision::float32 ? float_kernel_table().panel_rows
                                            : kernel_table().panel_rows;
}

index_t Contraction::bytes_of_product() const {
    return static_cast<index_t>(precision_ == Precision::float32 ? sizeof(float) : sizeof(double));
}

Operand Contraction::operand(index_t capacity, index_t n_segments, Workspace& work) const {
    Operand o;
    o.segments = work.array<Segment>(n_segments);
    o.x_lane = work.array<index_t>(capacity);
    o.y_lane = work.array<index_t>(capacity);
    o.offset = work.array<index_t>(capacity);
    return o;
}

Operand Contraction::operand(const LaneArray& x, const LaneArray& y, index_t capacity,
                             Workspace& work) const {
    Operand o = operand(capacity, 1, work);
    o.begin(x, y);
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
    const index_t panel = panel_rows();
    const index_t cost = round_up(second.count, panel) * sources.count;
    const index_t swapped = round_up(sources.count, panel) * second.count;
    if (4 * cost <= 5 * swapped) {
        add_term(second, sources, true);
    } else {
        add_term(sources, second, true);
    }
}

/// sum (u_l[p] d_l[i]) (u_k[q] d_k[j]) over the parameters of all layers, rows up to the column.
void Contraction::add_columns(Workspace& work) {
    const auto side = [&](index_t step) {
        Operand o = operand(plan_.n_parameters, plan_.n_layers(), work);
        for (index_t l = 0; l < plan_.n_layers(); ++l) {
            const PlanLayer& a = plan_.layers[at(l)];
            if (a.size() == 0) continue;
            o.begin({What::u, l}, {What::d, l});
            for (index_t p = 0; p < a.k; ++p) {
                for (index_t i = 0; i < a.h; ++i) o.add(p, i, (a.offset + p * a.h + i) * step);
            }
        }
        return o;
    };
    add_term(side(1), side(ld_), true, true);
}

/// sum u_l[p] u_l[q] f''[i] v[i], at p <= q and i = j.
void Contraction::add_neurons(index_t l, Workspace& work) {
    const PlanLayer& a = plan_.layers[at(l)];
    if (a.transfer == Transfer::purelin) return;
    Operand left = operand({What::u, l}, {What::u, l}, pairs(a.k), work);
    for (index_t q = 0; q < a.k; ++q) {
        for (index_t p = 0; p <= q; ++p) left.add(p, q, p * a.h + q * a.h * ld_);
    }
    Operand right = operand({What::d2, l}, {What::v, l}, a.h, work);
    for (index_t i = 0; i < a.h; ++i) right.add(i, i, (a.offset + i) * (ld_ + 1));
    add_term(left, right, false);
}

/// sum u_l[p] g_k[j] dC[i, q], dC = da_r[q] / deps_l[i] for the columns q of u_k that come from a
/// layer r >= l.
void Contraction::add_corrections(index_t l, index_t k, Route route, Workspace& work) {
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
        if (route == Route::columns) continue;  // no path leads from l to another hidden layer
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

void Contraction::add_term(const Operand& left, const Operand& right, bool main, bool triangular) {
    // Rows made of the same arrays in the same order are the same; only where they go may differ.
    index_t number = 0;
    for (const Packed& packed : packed_) {
        const Operand& o = packed.operand;
        if (std::equal(left.segments, left.segments + left.n_segments, o.segments,
                       o.segments + o.n_segments)) {
            break;
        }
        ++number;
    }
    if (number == static_cast<index_t>(packed_.size())) packed_.push_back({.operand = left});
    terms_.push_back({.left = number,
                      .rows = left.offset,
                      .right = right,
                      .main = main,
                      .triangular = triangular});
}

template <class Values>
void Contraction::point(const Operand& operand, index_t first, index_t last, index_t n,
                        Values&& values, Factor* factors) const {
    for (index_t s = 0; s < operand.n_segments; ++s) {
        const Segment& segment = operand.segments[s];
        const index_t end = std::min(segment.end, last);
        if (first >= end) continue;
        const double* x = values(segment.x);
        const double* y = values(segment.y);
        for (; first < end; ++first) {
            *factors++ = {x + operand.x_lane[first] * n,
                          y ? y + operand.y_lane[first] * n : nullptr};
        }
    }
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
    for (Packed& packed : packed_) {
        const index_t size = n * round_up(packed.operand.count, panel_rows());
        if (precision_ == Precision::float32) {
            packed.floats = work.array<float>(size);
        } else {
            packed.values = work.doubles(size);
        }
    }
    for (Kept& kept : kept_) kept.values = work.doubles(n * kept.features);
    cut(n);
}

void Contraction::take(index_t begin, const Block& block, const CurvatureTape* tape,
                       index_t output) {
    const index_t panel = panel_rows();
    const auto own = [&](const LaneArray& array) {
        return values(array, plan_, block, tape, output);
    };
    for (const Packed& packed : packed_) {
        Workspace work;
        const index_t count = packed.operand.count;
        Factor* factors = work.array<Factor>(count);
        point(packed.operand, 0, count, block.n, own, factors);
        if (packed.floats) {
            float_kernel_table().pack_left(block.n, count, factors, packed.floats + begin * panel,
                                           panel * n_);
        } else {
            kernel_table().pack_left(block.n, count, factors, packed.values + begin * panel,
                                     panel * n_);
        }
    }
    for (const Kept& kept : kept_) {
        const double* from = own(kept.array);
        for (index_t f = 0; f < kept.features; ++f) {
            std::copy_n(from + f * block.n, block.n, kept.values + f * n_ + begin);
        }
    }
}

/// Shares of the terms; they depend on the problem alone.
void Contraction::cut(index_t n) {
    const index_t panel = panel_rows();
    main_tasks_.clear();
    correction_tasks_.clear();
    for (std::size_t t = 0; t < terms_.size(); ++t) {
        const Term& term = terms_[t];
        const index_t rows = packed_[at(term.left)].operand.count, columns = term.right.count;
        const index_t width = std::clamp(right_bytes / (bytes_of_product() * n) / 12 * 12,
                                         index_t{24}, std::max(columns, index_t{24}));
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

template <class Result>
void Contraction::run(const Task& task, Result* h, bool accumulate) const {
    const Term& term = terms_[at(task.term)];
    const Packed& left = packed_[at(term.left)];
    const index_t rows = task.last_row - task.first_row;
    const index_t columns = task.last_column - task.first_column;
    const index_t diagonal = term.triangular ? task.first_column - task.first_row : rows;
    const index_t shift = task.first_row * n_, stride = panel_rows() * n_;
    Workspace work;
    Factor* factors = work.array<Factor>(columns);
    point(
        term.right, task.first_column, task.last_column, n_,
        [&](const LaneArray& array) { return kept(array); }, factors);
    const auto contract = [&](const auto& pack_right, const auto& kernel, const auto* packed,
                              auto* right) {
        pack_right(n_, columns, factors, right);
        kernel(n_, rows, packed + shift, stride, term.rows + task.first_row, columns, right,
               term.right.offset + task.first_column, diagonal, h, accumulate || !term.main);
    };
    const index_t size = columns * n_ + 16;
    const Kernels& kernels = kernel_table();
    const FloatKernels& floats = float_kernel_table();
    if constexpr (std::is_same_v<Result, float>) {
        contract(floats.pack_right, floats.contract, left.floats, work.array<float>(size));
    } else if (precision_ == Precision::float32) {
        contract(floats.pack_right, floats.contract_wide, left.floats, work.array<float>(size));
    } else {
        contract(kernels.pack_right, kernels.contract, left.values, work.doubles(size));
    }
}

template <class Result>
void Contraction::contract(Result* h, bool accumulate, int n_threads) const {
    for (const std::vector<Task>* tasks : {&main_tasks_, &correction_tasks_}) {
        parallel_for(static_cast<index_t>(tasks->size()), n_threads,
                     [&](index_t t) { run((*tasks)[at(t)], h, accumulate); });
    }
}

template void Contraction::contract(double*, bool, int) const;
template void Contraction::contract(float*, bool, int) const;

}  // namespace jacnet
