#include "hessian_terms.hpp"

#include <map>
#include <utility>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

}  // namespace

void HessianTerms::add(const HessianPiece& piece) {
    if (piece.rows() == 0 || piece.cols() == 0) return;
    if (piece.scattered) {
        add_scattered(piece);
        return;
    }
    const std::vector<index_t> rows = sources(piece.l, piece.p);
    const std::vector<index_t> cols = piece.symmetric() ? rows : sources(piece.k, piece.q);
    add_main(piece, rows, cols);
    if (kind_ == Curvature::exact && piece.k > piece.l) add_corrections(piece, rows);
}

index_t HessianTerms::doubles() const { return 1 + size_of(features) + left_rows_; }

double HessianTerms::bytes(const HessianPiece& piece) const {
    constexpr double row = sizeof(HessianRow);
    constexpr double feature = sizeof(HessianFeature) + 6.0 * sizeof(index_t);
    const auto product = [](index_t a, index_t b) {
        return static_cast<double>(a) * static_cast<double>(b);
    };
    const PlanLayer& layer = plan_.layers[at(piece.k)];
    if (piece.scattered) {
        const index_t neurons = std::min(size_of(piece.j), layer.h);
        const index_t sources = std::min(size_of(piece.q), layer.k);
        return product(piece.rows(), neurons + sources) * (row + feature);
    }
    return product(size_of(piece.i), size_of(piece.j)) * (row + feature) +
           product(size_of(piece.p), size_of(piece.q)) * row;
}

index_t HessianTerms::feature(HessianFeature::What what, index_t l, index_t k, index_t column) {
    const index_t n_layers = plan_.n_layers(), kind = static_cast<index_t>(what);
    const index_t key = ((column * 8 + kind) * n_layers + l) * n_layers + k;
    const auto [found, fresh] = known_.try_emplace(key, size_of(features));
    if (fresh) features.push_back({what, l, k, column});
    return found->second;
}

std::vector<index_t> HessianTerms::sources(index_t l, std::span<const index_t> columns) {
    std::vector<index_t> found;
    for (const index_t c : columns) found.push_back(feature(HessianFeature::What::u, l, l, c));
    return found;
}

/// sum u_l[p] u_k[q] B_lk[i, j]; of a symmetric piece, p <= q and i <= j.
void HessianTerms::add_main(const HessianPiece& piece, const std::vector<index_t>& u_rows,
                            const std::vector<index_t>& u_cols) {
    const index_t h = plan_.layers[at(piece.l)].h, height = size_of(piece.i);
    const bool half = piece.symmetric();
    pairs_.want_b(piece.l, piece.k);
    HessianTerm term{.left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = true};
    for (index_t b = 0; b < size_of(piece.j); ++b) {
        for (index_t a = 0; a < (half ? b + 1 : height); ++a) {
            const index_t column = piece.i[at(a)] + h * piece.j[at(b)];
            term.left.push_back(
                {feature(HessianFeature::What::b, piece.l, piece.k, column), -1, a + b * piece.ld});
        }
    }
    for (index_t b = 0; b < size_of(u_cols); ++b) {
        for (index_t a = 0; a < (half ? b + 1 : size_of(u_rows)); ++a) {
            term.right.push_back(
                {u_rows[at(a)], u_cols[at(b)], a * height + b * size_of(piece.j) * piece.ld});
        }
    }
    push(std::move(term));
}

/// sum u_l[p] g_k[j] dC[i, q], for columns q of u_k that come from a layer r >= l.
void HessianTerms::add_corrections(const HessianPiece& piece, const std::vector<index_t>& u_rows) {
    const PlanLayer& a = plan_.layers[at(piece.l)];
    const PlanLayer& b = plan_.layers[at(piece.k)];
    const index_t height = size_of(piece.i), width = size_of(piece.j);
    std::vector<index_t> slopes;  // g_k[j]
    for (const index_t j : piece.j) {
        slopes.push_back(feature(HessianFeature::What::g, piece.k, piece.k, j));
    }
    const auto offset = [&](index_t q, index_t j) { return (q * width + j) * piece.ld; };
    for (const Feed& feed : b.feeds) {
        if (feed.kind != SourceKind::layer || feed.source < piece.l) continue;
        HessianTerm term{
            .left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = false};
        const bool diagonal = feed.source == piece.l && !a.matrix_slope;  // dC: i = q
        for (index_t c = 0; c < size_of(piece.q); ++c) {
            const index_t neuron = piece.q[at(c)] - feed.column;
            if (neuron < 0 || neuron >= feed.width) continue;
            for (index_t r = 0; r < height; ++r) {
                const index_t i = piece.i[at(r)];
                if (!diagonal) {
                    term.left.push_back(
                        {feature(HessianFeature::What::c, piece.l, feed.source, i + a.h * neuron),
                         -1, r + offset(c, 0)});
                } else if (i == neuron) {
                    const index_t d1 = feature(HessianFeature::What::d1, piece.l, piece.l, i);
                    for (index_t j = 0; j < width; ++j) {
                        term.left.push_back({d1, slopes[at(j)], r + offset(c, j)});
                    }
                }
            }
        }
        if (term.left.empty()) continue;
        if (!diagonal) pairs_.want_c(piece.l, feed.source);
        for (index_t j = 0; j < (diagonal ? 1 : width); ++j) {
            for (index_t r = 0; r < size_of(u_rows); ++r) {
                term.right.push_back({u_rows[at(r)], diagonal ? -1 : slopes[at(j)],
                                      r * height + (diagonal ? 0 : offset(0, j))});
            }
        }
        push(std::move(term));
    }
}

/// Neuron by neuron of the columns, sum (u_l[p] B_lk[i, j]) u_k[q]; source by source, what dC adds.
void HessianTerms::add_scattered(const HessianPiece& piece) {
    using What = HessianFeature::What;
    const index_t h = plan_.layers[at(piece.l)].h;
    pairs_.want_b(piece.l, piece.k);
    std::map<index_t, std::vector<index_t>> neurons, sources;  // and their columns
    for (index_t c = 0; c < piece.cols(); ++c) {
        neurons[piece.j[at(c)]].push_back(c);
        sources[piece.q[at(c)]].push_back(c);
    }
    for (const auto& [j, columns] : neurons) {
        HessianTerm term{
            .left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = true};
        for (index_t r = 0; r < piece.rows(); ++r) {
            term.left.push_back({feature(What::u, piece.l, piece.l, piece.p[at(r)]),
                                 feature(What::b, piece.l, piece.k, piece.i[at(r)] + h * j), r});
        }
        for (const index_t c : columns) {
            const index_t u = feature(What::u, piece.k, piece.k, piece.q[at(c)]);
            term.right.push_back({u, -1, c * piece.ld});
        }
        push(std::move(term));
    }
    if (kind_ != Curvature::exact || piece.k == piece.l) return;
    for (const auto& [q, columns] : sources) add_scattered_corrections(piece, q, columns);
}

/// sum (u_l[p] dC[i, q]) g_k[j] of one source.
void HessianTerms::add_scattered_corrections(const HessianPiece& piece, index_t q,
                                             const std::vector<index_t>& columns) {
    using What = HessianFeature::What;
    const PlanLayer& a = plan_.layers[at(piece.l)];
    for (const Feed& feed : plan_.layers[at(piece.k)].feeds) {
        const index_t neuron = q - feed.column;
        if (feed.kind != SourceKind::layer || feed.source < piece.l) continue;
        if (neuron < 0 || neuron >= feed.width) continue;
        const bool diagonal = feed.source == piece.l && !a.matrix_slope;  // dC: i = q
        HessianTerm term{
            .left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = false};
        for (index_t r = 0; r < piece.rows(); ++r) {
            const index_t i = piece.i[at(r)];
            if (diagonal && i != neuron) continue;
            const index_t slope = diagonal
                                      ? feature(What::d1, piece.l, piece.l, i)
                                      : feature(What::c, piece.l, feed.source, i + a.h * neuron);
            term.left.push_back({feature(What::u, piece.l, piece.l, piece.p[at(r)]), slope, r});
        }
        if (term.left.empty()) continue;
        if (!diagonal) pairs_.want_c(piece.l, feed.source);
        for (const index_t c : columns) {
            const index_t g = feature(What::g, piece.k, piece.k, piece.j[at(c)]);
            term.right.push_back({g, -1, c * piece.ld});
        }
        push(std::move(term));
    }
}

/// The left side is filled up to whole panels: that choice is cheaper which fills up less.
void HessianTerms::push(HessianTerm term) {
    const index_t panel = kernel_table().panel_rows;
    const index_t left = size_of(term.left), right = size_of(term.right);
    if (4 * round_up(left, panel) * right > 5 * round_up(right, panel) * left) {
        std::swap(term.left, term.right);
    }
    left_rows_ += round_up(size_of(term.left), panel);
    terms.push_back(std::move(term));
}

}  // namespace jacnet
