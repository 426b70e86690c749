/// Pieces of a Hessian as products over samples: sum u_l[p] (B_lk[i, j] u_k[q] + g_k[j] dC[i, q]),
/// as in the whole matrix, with only the i, p, j, q that are asked for.

#include "hessian_pieces.hpp"

#include <algorithm>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

/// One feature of the tape, a run of lanes.
struct Feature {
    enum class What { b, c, u, g, d1 };
    What what = What::u;
    index_t l = 0, k = 0;
    index_t column = 0;

    const double* lanes_of(const Block& block, const CurvatureTape& tape) const {
        const LayerTape& layer = block.layers[l];
        const double* from = what == What::b   ? tape.b(l, k)
                             : what == What::c ? tape.c(l, k)
                             : what == What::u ? layer.u
                             : what == What::g ? layer.g
                                               : layer.d1;
        return from + column * block.n;
    }
};

/// A row of an operand: one feature, or the product of two, and where it lands.
struct Row {
    index_t x = 0, y = -1;
    index_t offset = 0;
};

/// Adds left row r times right row c, over samples, to out[left.offset + right.offset].
struct PieceTerm {
    std::vector<Row> left, right;
    double* out = nullptr;
    double* packed = nullptr;  ///< the left side
    bool main = true;          ///< writes its elements first; the others add to them
};

/// Pieces as terms over features.
class Terms {
public:
    Terms(const Plan& plan, Curvature kind) : plan_(plan), kind_(kind), pairs_(plan) {}

    void add(const HessianPiece& piece) {
        if (piece.rows() == 0 || piece.cols() == 0) return;
        const std::vector<index_t> rows = sources(piece.l, piece.p);
        const std::vector<index_t> cols = piece.symmetric() ? rows : sources(piece.k, piece.q);
        add_main(piece, rows, cols);
        if (kind_ == Curvature::exact && piece.k > piece.l) add_corrections(piece, rows);
    }
    void close() { pairs_.close(); }

    std::vector<PieceTerm> terms;
    std::vector<Feature> features;
    const CurvaturePairs& pairs() const { return pairs_; }

private:
    index_t feature(Feature::What what, index_t l, index_t k, index_t column) {
        features.push_back({what, l, k, column});
        return size_of(features) - 1;
    }
    std::vector<index_t> sources(index_t l, const std::vector<index_t>& columns) {
        std::vector<index_t> found;
        for (const index_t c : columns) found.push_back(feature(Feature::What::u, l, l, c));
        return found;
    }

    /// sum u_l[p] u_k[q] B_lk[i, j]; of a symmetric piece, p <= q and i <= j.
    void add_main(const HessianPiece& piece, const std::vector<index_t>& u_rows,
                  const std::vector<index_t>& u_cols) {
        const index_t h = plan_.layers[at(piece.l)].h, height = size_of(piece.i);
        const bool half = piece.symmetric();
        pairs_.want_b(piece.l, piece.k);
        PieceTerm term{.left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = true};
        for (index_t b = 0; b < size_of(piece.j); ++b) {
            for (index_t a = 0; a < (half ? b + 1 : height); ++a) {
                const index_t column = piece.i[at(a)] + h * piece.j[at(b)];
                term.left.push_back(
                    {feature(Feature::What::b, piece.l, piece.k, column), -1, a + b * piece.ld});
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
    void add_corrections(const HessianPiece& piece, const std::vector<index_t>& u_rows) {
        const PlanLayer& a = plan_.layers[at(piece.l)];
        const PlanLayer& b = plan_.layers[at(piece.k)];
        const index_t height = size_of(piece.i), width = size_of(piece.j);
        std::vector<index_t> slopes;  // g_k[j]
        for (const index_t j : piece.j) {
            slopes.push_back(feature(Feature::What::g, piece.k, piece.k, j));
        }
        const auto offset = [&](index_t q, index_t j) { return (q * width + j) * piece.ld; };
        for (const Feed& feed : b.feeds) {
            if (feed.kind != SourceKind::layer || feed.source < piece.l) continue;
            PieceTerm term{
                .left = {}, .right = {}, .out = piece.out, .packed = nullptr, .main = false};
            const bool diagonal = feed.source == piece.l && !a.matrix_slope;  // dC: i = q
            for (index_t c = 0; c < size_of(piece.q); ++c) {
                const index_t neuron = piece.q[at(c)] - feed.column;
                if (neuron < 0 || neuron >= feed.width) continue;
                for (index_t r = 0; r < height; ++r) {
                    const index_t i = piece.i[at(r)];
                    if (!diagonal) {
                        term.left.push_back(
                            {feature(Feature::What::c, piece.l, feed.source, i + a.h * neuron), -1,
                             r + offset(c, 0)});
                    } else if (i == neuron) {
                        const index_t d1 = feature(Feature::What::d1, piece.l, piece.l, i);
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

    /// The left side is filled up to whole panels: that choice is cheaper which fills up less.
    void push(PieceTerm term) {
        const index_t panel = kernel_table().panel_rows;
        const index_t left = size_of(term.left), right = size_of(term.right);
        if (4 * round_up(left, panel) * right > 5 * round_up(right, panel) * left) {
            std::swap(term.left, term.right);
        }
        terms.push_back(std::move(term));
    }

    const Plan& plan_;
    const Curvature kind_;
    CurvaturePairs pairs_;
};

/// A share of a term's elements.
struct Task {
    const PieceTerm* term;
    index_t first_row, last_row, first_column, last_column;
};

void point(const std::vector<Row>& rows, index_t first, index_t last, const double* kept, index_t n,
           Factor* factors, index_t* offsets) {
    for (index_t r = first; r < last; ++r) {
        const Row& row = rows[at(r)];
        *factors++ = {kept + row.x * n, row.y < 0 ? nullptr : kept + row.y * n};
        *offsets++ = row.offset;
    }
}

/// Shares depend on the problem alone.
void cut(const std::vector<PieceTerm>& terms, bool main, index_t n, std::vector<Task>& tasks) {
    const index_t panel = kernel_table().panel_rows;
    constexpr index_t right_bytes = index_t{256} << 10, task_flops = index_t{1} << 18;
    for (const PieceTerm& term : terms) {
        if (term.main != main) continue;
        const index_t rows = size_of(term.left), columns = size_of(term.right);
        const index_t width = std::max(right_bytes / (8 * n) / 12 * 12, index_t{24});
        const index_t height = std::max(round_up(task_flops / width, panel), 8 * panel);
        for (index_t c = 0; c < columns; c += width) {
            for (index_t r = 0; r < rows; r += height) {
                tasks.push_back(
                    {&term, r, std::min(r + height, rows), c, std::min(c + width, columns)});
            }
        }
    }
}

void run(const Task& task, const double* kept, index_t n, bool accumulate) {
    const PieceTerm& term = *task.term;
    const index_t rows = task.last_row - task.first_row;
    const index_t columns = task.last_column - task.first_column;
    const Kernels& kernels = kernel_table();
    Workspace work;
    Factor* factors = work.array<Factor>(std::max(rows, columns));
    index_t* row_offsets = work.array<index_t>(rows);
    index_t* column_offsets = work.array<index_t>(columns);
    point(term.left, task.first_row, task.last_row, kept, n, factors, row_offsets);
    point(term.right, task.first_column, task.last_column, kept, n, factors, column_offsets);
    double* right = work.doubles(columns * n + 16);
    kernels.pack_right(n, columns, factors, right);
    kernels.contract(n, rows, term.packed + task.first_row * n, kernels.panel_rows * n, row_offsets,
                     columns, right, column_offsets, term.out, accumulate || !term.main);
}

/// Left sides, panel by panel.
void pack(std::vector<PieceTerm>& terms, const double* kept, index_t n, int n_threads) {
    const index_t panel = kernel_table().panel_rows;
    parallel_for(size_of(terms), n_threads, [&](index_t t) {
        const PieceTerm& term = terms[at(t)];
        const index_t rows = size_of(term.left);
        Workspace work;
        Factor* factors = work.array<Factor>(rows);
        point(term.left, 0, rows, kept, n, factors, work.array<index_t>(rows));
        kernel_table().pack_left(n, rows, factors, term.packed, panel * n);
    });
}

void mirror(const HessianPiece& piece, int n_threads) {
    constexpr index_t columns = 64;
    const index_t height = size_of(piece.i), count = size_of(piece.p);
    kernel_table().mirror_squares(height, 0, count, piece.out, piece.ld);
    const index_t p = piece.rows();
    parallel_for((p + columns - 1) / columns, n_threads, [&](index_t task) {
        const index_t first = task * columns;
        kernel_table().mirror(p, first, std::min(first + columns, p), piece.out, piece.ld);
    });
}

}  // namespace

void contract_pieces(const Plan& plan, const Batch& batch, Curvature kind,
                     const std::vector<HessianPiece>& pieces, int n_threads) {
    for (const HessianPiece& piece : pieces) {
        for (index_t c = 0; batch.size() == 0 && c < piece.cols(); ++c) {
            std::fill_n(piece.out + c * piece.ld, piece.rows(), 0.0);
        }
    }
    Terms sum(plan, kind);
    for (const HessianPiece& piece : pieces) sum.add(piece);
    sum.close();
    const index_t panel = kernel_table().panel_rows;
    index_t per_lane = 1 + size_of(sum.features);
    for (const PieceTerm& term : sum.terms) per_lane += round_up(size_of(term.left), panel);
    constexpr index_t block_bytes = index_t{64} << 20, cached_doubles = index_t{1} << 16;
    const index_t step =
        std::clamp(block_bytes / (8 * per_lane) / lanes * lanes, lanes, index_t{512});
    const index_t chunk =
        std::clamp(cached_doubles / std::max(sum.pairs().doubles(), index_t{1}) / lanes * lanes,
                   index_t{32}, index_t{128});
    const Order order = kind == Curvature::exact ? Order::curvature : Order::slope;
    const double scale = data_scale(plan.performance, batch.counted);
    for (index_t first = 0; first < batch.size(); first += step) {
        const index_t count = std::min(step, batch.size() - first), n = round_up(count, lanes);
        Workspace own;
        double* kept = own.doubles(n * size_of(sum.features));
        for (PieceTerm& term : sum.terms) {
            term.packed = own.doubles(n * round_up(size_of(term.left), panel));
        }
        parallel_for((count + chunk - 1) / chunk, n_threads, [&](index_t task) {
            Workspace scratch;
            const index_t begin = task * chunk;
            Block block =
                make_block(plan, first + begin, std::min(chunk, count - begin), order, scratch);
            reserve_gradient(plan, block, scratch);
            forward(plan, batch, block, order);
            load_targets(plan, batch, block, scale);
            backward(plan, block, Objective::performance);
            const CurvatureTape tape(plan, block, kind, Objective::performance, scratch,
                                     &sum.pairs());
            for (index_t f = 0; f < size_of(sum.features); ++f) {
                std::copy_n(sum.features[at(f)].lanes_of(block, tape), block.n,
                            kept + f * n + begin);
            }
        });
        pack(sum.terms, kept, n, n_threads);
        for (const bool main : {true, false}) {
            std::vector<Task> tasks;
            cut(sum.terms, main, n, tasks);
            parallel_for(size_of(tasks), n_threads,
                         [&](index_t t) { run(tasks[at(t)], kept, n, first > 0); });
        }
    }
    for (const HessianPiece& piece : pieces) {
        if (piece.symmetric() && batch.size() > 0) mirror(piece, n_threads);
    }
}

}  // namespace jacnet
