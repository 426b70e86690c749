/// Pieces of a Hessian as products over samples: sum u_l[p] (B_lk[i, j] u_k[q] + g_k[j] dC[i, q]),
/// as in the whole matrix, with only the i, p, j, q that are asked for.

#include <algorithm>

#include "errors.hpp"
#include "hessian_terms.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

/// A share of a term's elements.
struct Task {
    const HessianTerm* term;
    index_t first_row, last_row, first_column, last_column;
};

void point(const std::vector<HessianRow>& rows, index_t first, index_t last, const double* kept,
           index_t n, Factor* factors, index_t* offsets) {
    for (index_t r = first; r < last; ++r) {
        const HessianRow& row = rows[at(r)];
        *factors++ = {kept + row.x * n, row.y < 0 ? nullptr : kept + row.y * n};
        *offsets++ = row.offset;
    }
}

/// Shares depend on the problem alone.
void cut(const std::vector<HessianTerm>& terms, bool main, index_t n, std::vector<Task>& tasks) {
    const index_t panel = kernel_table().panel_rows;
    constexpr index_t right_bytes = index_t{256} << 10, task_flops = index_t{1} << 18;
    for (const HessianTerm& term : terms) {
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
    const HessianTerm& term = *task.term;
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
                     columns, right, column_offsets, rows, term.out, accumulate || !term.main);
}

/// Left sides, panel by panel.
void pack(std::vector<HessianTerm>& terms, const double* kept, index_t n, int n_threads) {
    const index_t panel = kernel_table().panel_rows;
    parallel_for(size_of(terms), n_threads, [&](index_t t) {
        const HessianTerm& term = terms[at(t)];
        const index_t rows = size_of(term.left);
        Workspace work;
        Factor* factors = work.array<Factor>(rows);
        point(term.left, 0, rows, kept, n, factors, work.array<index_t>(rows));
        kernel_table().pack_left(n, rows, factors, term.packed, panel * n);
    });
}

void mirror(const HessianPiece& piece, int n_threads) {
    const index_t height = size_of(piece.i), count = size_of(piece.p);
    kernel_table().mirror_squares(height, count, 0, count, piece.out, piece.ld);
    mirror_triangle(piece.rows(), piece.out, piece.ld, n_threads);
}

/// Lanes of kept features and packed left sides, within reason.
constexpr index_t block_bytes = index_t{64} << 20;

/// Lanes of a pass over the pieces.
index_t lanes_at_once(const HessianTerms& sum) {
    return std::clamp(block_bytes / (8 * sum.doubles()) / lanes * lanes, lanes, index_t{512});
}

/// The features of samples [first, first + count), n lanes each.
void load(CurvatureBlocks& curvatures, const HessianTerms& sum, index_t first, index_t count,
          index_t n, double* kept, int n_threads) {
    curvatures.for_each(
        first, count, sum.pairs(), n_threads,
        [&](const Block& block, const CurvatureTape& tape, index_t from, index_t run, index_t to) {
            for (index_t f = 0; f < size_of(sum.features); ++f) {
                std::copy_n(sum.features[at(f)].lanes_of(block, tape) + from, run,
                            kept + f * n + to);
            }
        });
}

void contract_terms(const Asker& asker, CurvatureBlocks& curvatures, HessianTerms& sum,
                    int n_threads) {
    const index_t samples = curvatures.batch().size(), step = lanes_at_once(sum);
    need_memory(8.0 * static_cast<double>(std::min(step, round_up(samples, lanes))) *
                        static_cast<double>(sum.doubles()) +
                    curvatures.bytes(sum.pairs(), n_threads),
                text(asker.function, ": the curvatures that it is made of"), asker.remedy);
    for (index_t first = 0; first < samples; first += step) {
        const index_t count = std::min(step, samples - first), n = round_up(count, lanes);
        Workspace own;
        double* kept = own.doubles(n * size_of(sum.features));
        for (HessianTerm& term : sum.terms) {
            term.packed = own.doubles(n * round_up(size_of(term.left), kernel_table().panel_rows));
        }
        load(curvatures, sum, first, count, n, kept, n_threads);
        pack(sum.terms, kept, n, n_threads);
        for (const bool main : {true, false}) {
            std::vector<Task> tasks;
            cut(sum.terms, main, n, tasks);
            parallel_for(size_of(tasks), n_threads,
                         [&](index_t t) { run(tasks[at(t)], kept, n, first > 0); });
        }
    }
}

/// Takes in as many pieces as leave room for a fair number of lanes; returns the next one.
std::size_t gather(const Asker& asker, const std::vector<HessianPiece>& pieces, std::size_t next,
                   HessianTerms& sum) {
    constexpr index_t most = block_bytes / 8 / 64;
    double bytes = 0.0;
    while (next < pieces.size() && sum.doubles() < most) {
        bytes += sum.bytes(pieces[next]);
        need_memory(bytes, text(asker.function, ": the lists of its products"), asker.remedy);
        sum.add(pieces[next++]);
    }
    sum.close();
    return next;
}

}  // namespace

void contract_pieces(const Asker& asker, CurvatureBlocks& curvatures,
                     const std::vector<HessianPiece>& pieces, int n_threads) {
    if (curvatures.batch().size() == 0) {
        for (const HessianPiece& piece : pieces) {
            for (index_t c = 0; c < piece.cols(); ++c) {
                std::fill_n(piece.out + c * piece.ld, piece.rows(), 0.0);
            }
        }
        return;
    }
    for (std::size_t next = 0; next < pieces.size();) {
        HessianTerms sum(curvatures.plan(), curvatures.kind());
        next = gather(asker, pieces, next, sum);
        contract_terms(asker, curvatures, sum, n_threads);
    }
    for (const HessianPiece& piece : pieces) {
        if (piece.symmetric()) mirror(piece, n_threads);
    }
}

}  // namespace jacnet
