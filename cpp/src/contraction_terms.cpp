/// The terms of a curvature matrix: which rows and columns, made of what, go where.

#include <algorithm>

#include "contraction.hpp"

namespace jacnet {

namespace {

using What = LaneArray::What;

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

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
    for (const Packed& packed : packed_) {
        lane_bytes_ += bytes_of_product() * round_up(packed.operand.count, panel_rows());
    }
    for (const Kept& kept : kept_) {
        lane_bytes_ += static_cast<index_t>(sizeof(double)) * kept.features;
    }
    // Faster products want fewer passes over the matrix.
    const index_t most = precision == Precision::float32 ? 1024 : 512;
    block_lanes_ = std::clamp(block_bytes / lane_bytes_ / lanes * lanes, lanes, most);
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
    if (!bends(a.transfer)) return;
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

void Contraction::keep(const LaneArray& array) {
    if (array.what == What::none) return;
    for (const Kept& k : kept_) {
        if (k.array == array) return;
    }
    kept_.push_back({array, features(array), nullptr});
}

index_t Contraction::features(const LaneArray& array) const {
    const PlanLayer& layer = plan_.layers[at(array.l)];
    if (array.what == What::u) return layer.k;
    if (array.what != What::b && array.what != What::c) return layer.h;
    return layer.h * plan_.layers[at(array.k)].h;
}

}  // namespace jacnet
