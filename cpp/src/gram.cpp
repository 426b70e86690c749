/// Gram matrix of the Jacobian's columns, (dy/dw)'(dy/dw), without the Jacobian: for samples n, n'
/// and outputs m, m', the sum over layers of (u_l(n) . u_l(n')) (d_l,m(n) . d_l,m'(n')); or its
/// trace over m = m', where the second factor is one product over pairs of neuron and output. The
/// empirical neural tangent kernel: Jacot, Gabriel and Hongler (2018), "Neural tangent kernel",
/// NeurIPS 31.
///
/// A layer that only linear outputs read has d_l,m = f_l' c_m, with c_m the same for all samples:
/// the trace is a product over its neurons alone, and the full form needs half of the pairs of
/// outputs. The operands are packed once. Tiles of the result stay in a core's cache while layers
/// are added to them, and are written once.

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "jacnet/derivatives.hpp"
#include "memory.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// How the sensitivities of a layer come.
enum class Kind {
    general,
    diagonal,  ///< linear outputs: constants, in a diagonal; their product is known
    scaled,    ///< read by linear outputs only: d_m = f' c_m, with c_m the same for every sample
};

/// What the two sides of a kernel have in common.
class Shape {
public:
    Shape(const Plan& plan, GramForm form);

    const Plan& plan;
    const GramForm form;
    index_t outputs = 1;  ///< rows of the result per sample
    index_t chunk = 1;    ///< samples of a tile

    Kind kind(index_t l) const { return kinds_[at(l)]; }
    bool has(Kind kind) const {
        return std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end();
    }
    /// Numbers that a product of sensitivities runs over.
    index_t features(index_t l) const {
        const index_t h = plan.layers[at(l)].h;
        if (kind(l) == Kind::diagonal) return 0;
        return h * (kind(l) == Kind::general && form == GramForm::traced ? plan.n_outputs : 1);
    }
    /// Rows of d per sample; one for scaled layers, whose f' serves all outputs.
    index_t rows(index_t l) const { return kind(l) == Kind::scaled ? 1 : outputs; }
    /// c_m of a scaled layer, h numbers.
    const double* factors(index_t l, index_t m) const {
        return factors_[at(l)].data() + m * plan.layers[at(l)].h;
    }
    /// Their root sum of squares over m.
    double norm(index_t l, index_t i) const {
        double sum = 0.0;
        for (index_t m = 0; m < plan.n_outputs; ++m) sum += factors(l, m)[i] * factors(l, m)[i];
        return std::sqrt(sum);
    }

private:
    void find_scaled(bool wanted);
    void choose_chunk();

    std::vector<Kind> kinds_;
    std::vector<std::vector<double>> factors_;
};

Shape::Shape(const Plan& plan_, GramForm form_)
    : plan(plan_), form(form_), kinds_(plan.layers.size(), Kind::general) {
    outputs = form == GramForm::full ? plan.n_outputs : 1;
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        if (layer.transfer == Transfer::purelin && layer.successors.empty() && layer.output >= 0 &&
            plan.outputs[at(layer.output)].linear.diagonal) {
            kinds_[l] = Kind::diagonal;
        }
    }
    constexpr index_t most_outputs = 12;  // of which 16 samples, a panel, make a tile
    find_scaled(outputs <= most_outputs);
    choose_chunk();
}

void Shape::find_scaled(bool wanted) {
    factors_.resize(plan.layers.size());
    for (std::size_t l = 0; wanted && l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        const auto linear = [&](const Successor& s) { return kind(s.layer) == Kind::diagonal; };
        if (layer.matrix_slope || layer.output >= 0 || layer.successors.empty() ||
            !std::all_of(layer.successors.begin(), layer.successors.end(), linear)) {
            continue;
        }
        kinds_[l] = Kind::scaled;
        factors_[l].assign(at(plan.n_outputs * layer.h), 0.0);
        for (const Successor& s : layer.successors) {
            const PlanOutput& output = plan.outputs[at(plan.layers[at(s.layer)].output)];
            for (index_t i = 0; i < layer.h; ++i) {
                for (index_t m = 0; m < output.rows; ++m) {
                    factors_[l][at((output.first_row + m) * layer.h + i)] =
                        output.linear(m, m) * plan.weights(s)[m + i * output.rows];
                }
            }
        }
    }
}

/// Two tiles and their operands fit into 1 MiB; of scaled layers alone one tile and whole panels.
void Shape::choose_chunk() {
    const index_t rows = has(Kind::general) || outputs == 1 ? 192 : 330;
    chunk = std::clamp(rows / std::max(outputs, index_t{1}), index_t{1}, index_t{96});
    if (has(Kind::scaled) && outputs > 1) chunk = chunk / 16 * 16;
}

/// One side's u and d, packed chunk by chunk as the left or the right operand.
struct Operands {
    std::vector<double*> u, d;            ///< by layer
    std::vector<index_t> u_size, d_size;  ///< doubles per chunk
};

/// One side: its samples, and u and d feature by feature.
class Side {
public:
    Side(const Shape& shape, Tape& tape, int n_threads, Workspace& work);

    index_t count() const { return count_; }
    index_t n_chunks() const { return (count_ + shape_.chunk - 1) / shape_.chunk; }
    index_t samples(index_t chunk) const {
        return std::min(shape_.chunk, count_ - chunk * shape_.chunk);
    }
    enum class Role { left, right };
    Operands packed(Role role, int n_threads, Workspace& work) const;

private:
    void copy(const Block& block);

    const Shape& shape_;
    index_t count_;
    std::vector<double*> u_, d_;
};

Side::Side(const Shape& shape, Tape& tape, int n_threads, Workspace& work)
    : shape_(shape), count_(tape.batch().size()) {
    double doubles = 0.0;
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        doubles +=
            static_cast<double>(shape.plan.layers[at(l)].k + shape.features(l) * shape.rows(l)) *
            static_cast<double>(count_);
    }
    need_memory(24.0 * doubles, "gram: the sensitivities of all samples",
                "take fewer samples at a time (samples=, or ntk of two parts)");
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        u_.push_back(work.doubles(count_ * shape.plan.layers[at(l)].k));
        d_.push_back(work.doubles(count_ * shape.features(l) * shape.rows(l)));
    }
    const Needs needs{.order = Order::slope, .sensitivities = shape.has(Kind::general)};
    tape.for_each_block(needs, n_threads, [&](index_t, const Block& block) { copy(block); });
}

void Side::copy(const Block& block) {
    const Plan& plan = shape_.plan;
    const index_t outputs = shape_.outputs;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& from = block.layers[l];
        for (index_t c = 0; c < layer.k; ++c) {
            std::copy_n(from.u + c * block.n, block.count, u_[at(l)] + c * count_ + block.first);
        }
        const index_t features = shape_.features(l);
        if (shape_.kind(l) == Kind::scaled) {
            for (index_t i = 0; i < features; ++i) {
                const double norm = outputs > 1 ? 1.0 : shape_.norm(l, i);
                double* to = d_[at(l)] + i * count_ + block.first;
                for (index_t z = 0; z < block.count; ++z) to[z] = norm * from.d1[i * block.n + z];
            }
            continue;
        }
        for (index_t i = 0; i < features; ++i) {
            double* to = d_[at(l)] + (i * count_ + block.first) * outputs;
            for (index_t m = 0; m < outputs; ++m) {
                const double* run = from.d + (i + m * features) * block.n;
                for (index_t z = 0; z < block.count; ++z) to[z * outputs + m] = run[z];
            }
        }
    }
}

Operands Side::packed(Role role, int n_threads, Workspace& work) const {
    const Kernels& kernels = kernel_table();
    const index_t n_layers = shape_.plan.n_layers();
    const auto size = [&](index_t features, index_t rows) {
        return role == Role::left ? features * round_up(rows, kernels.panel_rows)
                                  : round_up(features * rows + 16, lanes);
    };
    Operands to;
    for (index_t l = 0; l < n_layers; ++l) {
        to.u_size.push_back(size(shape_.plan.layers[at(l)].k, shape_.chunk));
        to.d_size.push_back(size(shape_.features(l), shape_.chunk * shape_.rows(l)));
        to.u.push_back(work.doubles(to.u_size[at(l)] * n_chunks()));
        to.d.push_back(work.doubles(to.d_size[at(l)] * n_chunks()));
    }
    const auto pack = [&](index_t features, index_t rows, const double* a, index_t ld,
                          double* out) {
        if (role == Role::left) {
            kernels.pack_rows(features, rows, a, ld, out);
        } else {
            kernels.pack_columns(features, rows, 1.0, a, ld, out);
        }
    };
    parallel_for(n_layers * n_chunks(), n_threads, [&](index_t task) {
        const std::size_t l = at(task / n_chunks());
        const index_t c = task % n_chunks(), first = c * shape_.chunk, rows = samples(c);
        pack(shape_.plan.layers[l].k, rows, u_[l] + first, count_, to.u[l] + c * to.u_size[l]);
        const index_t m = shape_.rows(task / n_chunks());
        pack(shape_.features(task / n_chunks()), rows * m, d_[l] + first * m, count_ * m,
             to.d[l] + c * to.d_size[l]);
    });
    return to;
}

/// The part of the result that belongs to one chunk of either side.
class Tile {
public:
    Tile(const Shape& shape, index_t samples, index_t other_samples, Workspace& work)
        : shape_(shape),
          n_(samples),
          n_other_(other_samples),
          rows(samples * shape.outputs),
          columns(other_samples * shape.outputs),
          values(work.doubles(rows * columns + lanes)),
          spare_(work.doubles(rows * columns)),
          sources_(work.doubles(n_ * n_other_)),
          spread_(work.doubles(rows)),
          row_offsets_(work.array<index_t>(rows)),
          column_offsets_(work.array<index_t>(columns)) {
        for (index_t i = 0; i < rows; ++i) row_offsets_[i] = i;
    }

    /// Sum over layers of the products of two chunks.
    void fill(const Operands& left, index_t a, const Operands& right, index_t b);
    /// Makes a tile of a chunk with itself symmetric, from its upper triangle.
    void mirror();
    /// Writes the tile to a matrix of its size; `stream`: past the caches.
    void put(const MatrixView<double>& to, bool stream);

private:
    void product(index_t features, index_t height, const double* left, index_t width,
                 const double* right, double* out) const;
    void add_sensitivities(bool first);
    void add_diagonal(index_t l);
    void add_scaled(index_t l, const double* left, const double* right);

    const Shape& shape_;
    const index_t n_, n_other_;

public:
    const index_t rows, columns;
    double* const values;

private:
    double* const spare_;
    double* const sources_;  ///< u . u'
    double* const spread_;
    index_t* const row_offsets_;
    index_t* const column_offsets_;
};

void Tile::product(index_t features, index_t height, const double* left, index_t width,
                   const double* right, double* out) const {
    const Kernels& kernels = kernel_table();
    for (index_t j = 0; j < width; ++j) column_offsets_[j] = j * height;
    kernels.contract(features, height, left, kernels.panel_rows * features, row_offsets_, width,
                     right, column_offsets_, out, false);
}

/// values (+)= u.u' times d.d', which is in spare_.
void Tile::add_sensitivities(bool first) {
    const Kernels& kernels = kernel_table();
    const index_t outputs = shape_.outputs;
    for (index_t q = 0; q < n_other_; ++q) {
        const double* column = sources_ + q * n_;
        if (outputs > 1) {
            for (index_t z = 0; z < n_; ++z) std::fill_n(spread_ + z * outputs, outputs, column[z]);
            column = spread_;
        }
        for (index_t m = 0; m < outputs; ++m) {
            const index_t shift = (q * outputs + m) * rows;
            kernels.multiply(rows, column, spare_ + shift, values + shift, !first);
        }
    }
}

/// The part of a layer whose d are constants: only equal outputs meet.
void Tile::add_diagonal(index_t l) {
    const PlanOutput& output = shape_.plan.outputs[at(shape_.plan.layers[at(l)].output)];
    if (shape_.form == GramForm::traced) {
        double sum = 0.0;
        for (index_t i = 0; i < output.rows; ++i) sum += output.linear(i, i) * output.linear(i, i);
        kernel_table().scale(rows * columns, sources_, sum, values, true);
        return;
    }
    for (index_t q = 0; q < n_other_; ++q) {
        for (index_t z = 0; z < n_; ++z) {
            for (index_t i = 0; i < output.rows; ++i) {
                const double gain = output.linear(i, i);
                const index_t m = output.first_row + i;
                values[z * shape_.outputs + m + (q * shape_.outputs + m) * rows] +=
                    sources_[z + q * n_] * (gain * gain);
            }
        }
    }
}

/// A scaled layer, for every pair of outputs m <= m': the sum over its neurons of c_m c_m' f' f' is
/// symmetric in the outputs, which halves the products. `left` and `right` hold f'.
void Tile::add_scaled(index_t l, const double* left, const double* right) {
    const Kernels& kernels = kernel_table();
    const index_t h = shape_.features(l), outputs = shape_.outputs, panel = kernels.panel_rows;
    Workspace work;
    double* factors = work.doubles(h * panel);
    double* own = work.doubles(h * round_up(n_, panel));
    for (index_t m = 0; m < outputs; ++m) {
        for (index_t other = m; other < outputs; ++other) {
            const double *one = shape_.factors(l, m), *two = shape_.factors(l, other);
            for (index_t i = 0; i < h; ++i)
                std::fill_n(factors + i * panel, panel, one[i] * two[i]);
            for (index_t r = 0; r < n_; r += panel) {
                kernels.multiply(h * panel, left + r * h, factors, own + r * h, false);
            }
            product(h, n_, own, n_other_, right, spare_);
            kernels.multiply(n_ * n_other_, spare_, sources_, spare_, false);
            for (index_t q = 0; q < n_other_; ++q) {
                double* upper = values + m + (q * outputs + other) * rows;
                double* lower = values + other + (q * outputs + m) * rows;
                for (index_t z = 0; z < n_; ++z) {
                    const double value = spare_[z + q * n_];
                    upper[z * outputs] += value;
                    if (m != other) lower[z * outputs] += value;
                }
            }
        }
    }
}

void Tile::fill(const Operands& left, index_t a, const Operands& right, index_t b) {
    const Plan& plan = shape_.plan;
    bool first = true;
    // Where one value goes to one place, the first layer sets what the others add to.
    for (const bool sets : {true, false}) {
        if (!sets && first) std::fill_n(values, rows * columns, 0.0);
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const Kind kind = shape_.kind(l);
            const bool whole =
                kind == Kind::general || (kind == Kind::scaled && shape_.outputs == 1);
            const index_t k = plan.layers[at(l)].k;
            if (whole != sets || k == 0) continue;
            product(k, n_, left.u[at(l)] + a * left.u_size[at(l)], n_other_,
                    right.u[at(l)] + b * right.u_size[at(l)], sources_);
            const double* d = left.d[at(l)] + a * left.d_size[at(l)];
            const double* other = right.d[at(l)] + b * right.d_size[at(l)];
            if (kind == Kind::diagonal) {
                add_diagonal(l);
            } else if (!whole) {
                add_scaled(l, d, other);
            } else {
                product(shape_.features(l), rows, d, columns, other, spare_);
                add_sensitivities(first);
                first = false;
            }
        }
    }
}

void Tile::mirror() {
    for (index_t j = 0; j < columns; ++j) {
        for (index_t i = 0; i < j; ++i) values[j + i * rows] = values[i + j * rows];
    }
}

void Tile::put(const MatrixView<double>& to, bool stream) {
    const Kernels& kernels = kernel_table();
    const auto column = [&](const double* from, index_t n, double* target) {
        if (stream) {
            kernels.stream(n, from, target);
        } else {
            std::copy_n(from, n, target);
        }
    };
    if (to.row_stride == 1) {
        for (index_t j = 0; j < columns; ++j) {
            column(values + j * rows, rows, to.data + j * to.col_stride);
        }
    } else if (to.col_stride == 1) {
        constexpr index_t strip = 4 * lanes;
        Workspace work;
        Factor* runs = work.array<Factor>(columns);
        double* turned = work.doubles(strip * columns);
        for (index_t i = 0; i < rows; i += strip) {
            const index_t n = std::min(strip, rows - i);
            for (index_t j = 0; j < columns; ++j) runs[j] = {values + j * rows + i, nullptr};
            kernels.columns_by_lanes(n, columns, runs, turned, columns);
            for (index_t r = 0; r < n; ++r) {
                column(turned + r * columns, columns, to.data + (i + r) * to.row_stride);
            }
        }
    } else {
        for (index_t j = 0; j < columns; ++j) {
            for (index_t i = 0; i < rows; ++i) to(i, j) = values[i + j * rows];
        }
    }
}

MatrixView<double> part(const MatrixView<double>& whole, index_t row, index_t column, index_t rows,
                        index_t columns) {
    return {whole.data + row * whole.row_stride + column * whole.col_stride, rows, columns,
            whole.row_stride, whole.col_stride};
}

/// Multiplications of sensitivities, per pair of samples.
double pair_flops(const Shape& shape) {
    double flops = 0.0;
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        const double pairs = static_cast<double>(shape.outputs * shape.outputs) *
                             (shape.kind(l) == Kind::scaled ? 0.5 : 1.0);
        flops += static_cast<double>(shape.plan.layers[at(l)].k) +
                 static_cast<double>(shape.features(l)) * pairs;
    }
    return 2.0 * flops;
}

/// Results that will not be read from the caches anyway.
bool past_caches(const MatrixView<double>& out) {
    return static_cast<double>(out.rows) * static_cast<double>(out.cols) > 1e6;
}

}  // namespace

void compute_gram(Tape& tape, MatrixView<double> g, std::optional<int> requested, GramForm form) {
    const Shape shape(tape.plan(), form);
    const auto count = static_cast<double>(tape.batch().size());
    const int n_threads = threads_for(0.5 * count * count * pair_flops(shape), requested);
    Workspace work;
    const Side side(shape, tape, n_threads, work);
    const Operands left = side.packed(Side::Role::left, n_threads, work);
    const Operands right = side.packed(Side::Role::right, n_threads, work);
    const index_t n_chunks = side.n_chunks(), step = shape.chunk * shape.outputs;
    parallel_for(n_chunks * (n_chunks + 1) / 2, n_threads, [&](index_t task) {
        index_t b = 0, first = 0;  // task = first(b) + a, a <= b
        while (first + b + 1 <= task) first += ++b;
        const index_t a = task - first;
        Workspace own;
        Tile tile(shape, side.samples(a), side.samples(b), own);
        tile.fill(left, a, right, b);
        if (a == b) tile.mirror();
        tile.put(part(g, a * step, b * step, tile.rows, tile.columns), past_caches(g));
        if (a == b) return;
        tile.put(part(g, b * step, a * step, tile.columns, tile.rows).transposed(), past_caches(g));
    });
}

void compute_kernel(Tape& rows, Tape& columns, MatrixView<double> k, std::optional<int> requested,
                    GramForm form) {
    const Shape shape(rows.plan(), form);
    const double pairs =
        static_cast<double>(rows.batch().size()) * static_cast<double>(columns.batch().size());
    const int n_threads = threads_for(pairs * pair_flops(shape), requested);
    Workspace work;
    const Side one(shape, rows, n_threads, work), other(shape, columns, n_threads, work);
    const Operands left = one.packed(Side::Role::left, n_threads, work);
    const Operands right = other.packed(Side::Role::right, n_threads, work);
    const index_t step = shape.chunk * shape.outputs;
    parallel_for(one.n_chunks() * other.n_chunks(), n_threads, [&](index_t task) {
        const index_t a = task % one.n_chunks(), b = task / one.n_chunks();
        Workspace own;
        Tile tile(shape, one.samples(a), other.samples(b), own);
        tile.fill(left, a, right, b);
        tile.put(part(k, a * step, b * step, tile.rows, tile.columns), past_caches(k));
    });
}

void ntk(const Network& net, const std::vector<MatrixView<const double>>& x1,
         const std::vector<MatrixView<const double>>& x2, MatrixView<double> k, GramForm form,
         std::optional<int> n_threads) {
    const Plan plan(net, "ntk", Parameters::borrowed);
    const Samples one{.x = x1, .t = {}}, other{.x = x2, .t = {}};
    constexpr auto policy = Batch::UnknownInputs::refused;
    const Batch rows(plan, one, "ntk", policy, "x1");
    const index_t outputs = form == GramForm::full ? plan.n_outputs : 1;
    const auto check = [&](index_t columns) {
        if (k.rows == outputs * rows.size() && k.cols == outputs * columns) return;
        refuse("ntk: out has shape (", k.rows, ", ", k.cols, "), expected (", outputs * rows.size(),
               ", ", outputs * columns, ")");
    };
    Tape left(plan, rows, false);
    if (x2.empty()) {
        check(rows.size());
        return compute_gram(left, k, n_threads, form);
    }
    const Batch columns(plan, other, "ntk", policy, "x2");
    check(columns.size());
    Tape right(plan, columns, false);
    compute_kernel(left, right, k, n_threads, form);
}

}  // namespace jacnet
