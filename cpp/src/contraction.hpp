#pragma once
/// How a curvature matrix is put together: products over samples, one term per pair of layers.
///
/// A term adds, for every row r and every column c, the sum over lanes of left_r times right_c to
/// the element at offset[r] + offset[c] of the matrix, column-major. Rows and columns are pairs of
/// indices, such as (i, j) and (p, q) for B_lk[i, j] and u_l[p] u_k[q]; which side is the left one
/// is a matter of speed.

#include <vector>

#include "curvature.hpp"

namespace jacnet {

/// Pairs i <= j of n things.
inline index_t pairs(index_t n) { return n * (n + 1) / 2; }

/// An array of the tape, n lanes per feature.
struct LaneArray {
    enum class What { none, b, c, u, v, g, d1, d2, d };
    What what = What::none;
    index_t l = 0, k = 0;  ///< b(l, k), c(l, k), or of layer l; d is scaled, see Route

    bool operator==(const LaneArray&) const = default;
};

/// Rows of an operand, up to `end`, that are made of the same arrays.
struct Segment {
    LaneArray x, y;
    index_t end = 0;

    bool operator==(const Segment&) const = default;
};

/// One operand of a term: rows that are lanes of x, or products of lanes of x and y.
struct Operand {
    Segment* segments = nullptr;
    index_t n_segments = 0;
    index_t count = 0;
    index_t* x_lane = nullptr;
    index_t* y_lane = nullptr;
    index_t* offset = nullptr;

    void begin(const LaneArray& x, const LaneArray& y) { segments[n_segments++] = {x, y, count}; }
    void add(index_t x_at, index_t y_at, index_t to) {
        x_lane[count] = x_at;
        y_lane[count] = y_at;
        offset[count++] = to;
        segments[n_segments - 1].end = count;
    }
};

/// A left operand, packed once for all terms that it is a side of.
struct Packed {
    Operand operand;
    double* values = nullptr;
    float* floats = nullptr;  ///< of products in float, instead
};

struct Term {
    index_t left = 0;         ///< number of the packed operand
    index_t* rows = nullptr;  ///< where its rows go
    Operand right;
    bool main = true;         ///< writes its elements first; the others add to them
    bool triangular = false;  ///< rows are wanted up to the column of the same number
};

/// How a curvature matrix is summed: from the curvature at the net inputs, or from the columns of
/// the Jacobian, u_l d_l times the root of the loss's second derivative, output by output, plus,
/// for the exact Hessian of a shallow network of one output, the curvature of each hidden neuron.
enum class Route { curvature, columns };

/// What the products are computed in. Their sums over blocks of lanes are doubles either way.
enum class Precision { float64, float32 };

/// The terms of the Hessian or Gauss-Newton matrix of a network, upper triangle of its squares.
class Contraction {
public:
    /// @param ld    from one column of the matrix to the next
    /// @param work  holds everything; must outlive this
    Contraction(const Plan& plan, Curvature kind, Route route, Precision precision, index_t ld,
                Workspace& work);

    /// The cheaper route to a matrix of that kind.
    static Route choose(const Plan& plan, Curvature kind, Objective objective);

    /// Lanes that are handled at once: many enough for a pass over the matrix to pay, few enough
    /// for a bounded memory of `block_bytes`.
    index_t block_lanes() const { return block_lanes_; }
    static constexpr index_t block_bytes = index_t{64} << 20;
    /// Bytes of the operands of n lanes.
    double bytes(index_t n) const {
        return static_cast<double>(lane_bytes_) * static_cast<double>(n);
    }

    /// Makes room for the operands of n lanes.
    void reserve(index_t n, Workspace& work);
    /// Takes over the lanes of a block, from lane `begin` on; d is that of one output.
    void take(index_t begin, const Block& block, const CurvatureTape* tape, index_t output = 0);
    /// h (+)= the sum over the lanes taken. Products in float may go to either kind of h.
    template <class Result>
    void contract(Result* h, bool accumulate, int n_threads) const;

private:
    struct Task {
        index_t term, first_row, last_row, first_column, last_column;
    };
    struct Kept {
        LaneArray array;
        index_t features;
        double* values;
    };

    Operand operand(index_t capacity, index_t n_segments, Workspace& work) const;
    Operand operand(const LaneArray& x, const LaneArray& y, index_t capacity,
                    Workspace& work) const;
    void add_main(index_t l, index_t k, Workspace& work);
    void add_columns(Workspace& work);
    void add_neurons(index_t l, Workspace& work);
    void add_corrections(index_t l, index_t k, Route route, Workspace& work);
    void add_term(const Operand& left, const Operand& right, bool main, bool triangular = false);
    /// Rows [first, last) of an operand as pointers to their lanes, n apart per feature;
    /// `values(array)` tells where an array begins.
    template <class Values>
    void point(const Operand& operand, index_t first, index_t last, index_t n, Values&& values,
               Factor* factors) const;
    void keep(const LaneArray& array);
    const double* kept(const LaneArray& array) const;
    index_t features(const LaneArray& array) const;
    void cut(index_t n);
    template <class Result>
    void run(const Task& task, Result* h, bool accumulate) const;
    index_t panel_rows() const;
    index_t bytes_of_product() const;

    const Plan& plan_;
    Precision precision_;
    index_t ld_;
    index_t n_ = 0;
    index_t lane_bytes_ = static_cast<index_t>(sizeof(double));
    index_t block_lanes_ = 0;
    std::vector<Packed> packed_;
    std::vector<Term> terms_;
    std::vector<Kept> kept_;  ///< what right operands are made of
    std::vector<Task> main_tasks_, correction_tasks_;
};

}  // namespace jacnet
