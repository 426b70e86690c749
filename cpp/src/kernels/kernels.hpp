#pragma once
/// The table of kernels: everything that is compiled once per instruction set.
///
/// Lanes are samples: a block of n samples (a multiple of 8, 64-byte aligned) stores each feature
/// as a run of n doubles, so a matrix is column-major, n x features, `ld` apart.

#include <type_traits>

#include "jacnet/transfer.hpp"
#include "jacnet/view.hpp"

namespace jacnet {

/// The slope of one layer over a block: elementwise d1, or (diag(a) - a a') diag(d1).
struct Slope {
    bool matrix = false;
    const double* a = nullptr;
    const double* d1 = nullptr;
    index_t lda = 0;
    index_t ldd = 0;
};

/// One row of an operand: lanes x, or the products x y.
struct Factor {
    const double* x = nullptr;
    const double* y = nullptr;
};

/// A layer's part of the columns of a Jacobian: row + p * h + i gets u[p] d[i].
struct OuterProducts {
    index_t row = 0;
    index_t h = 0, k = 0;
    const double* u = nullptr;  ///< of a sample, ldu apart
    index_t ldu = 0;
    const double* d =
        nullptr;      ///< of a column, scale included, ldd apart: h values, then `lanes` of
    index_t ldd = 0;  ///< them once more, from the first on
};

struct Kernels {
    /// Whether no value is infinite or NaN.
    bool (*all_finite)(index_t n, const double* values);

    /// a = f(s) over n x h, with slopes d1 and curvatures d2 where the pointers are not null.
    void (*transfer)(Transfer f, index_t n, index_t h, const double* s, index_t lds, double* a,
                     index_t lda, double* d1, double* d2, index_t ldd);

    /// Column j of out (+)= the sum over c < k of column c of a times b[j * step + c * next], for
    /// h columns of n lanes: a layer's product with its weights, in either direction.
    void (*layer_product)(index_t n, index_t h, index_t k, const double* a, index_t lda,
                          const double* b, index_t step, index_t next, double* out, index_t ldo,
                          bool accumulate);
    /// out[i, c] += the sum over n lanes of column i of x times column c of y.
    void (*sum_over_lanes)(index_t n, index_t rows, index_t columns, const double* x, index_t ldx,
                           const double* y, index_t ldy, double* out, index_t ldo);

    /// g = F' v (backward) and g = F v (forward), n x h; in place allowed.
    void (*slope_backward)(const Slope& f, index_t n, index_t h, const double* v, index_t ldv,
                           double* g, index_t ldg);
    void (*slope_forward)(const Slope& f, index_t n, index_t h, const double* v, index_t ldv,
                          double* g, index_t ldg);

    /// sum += part, whole cache lines of both; afterwards the part is spent.
    void (*take_over)(index_t n, double* part, double* sum);

    /// out (+)= value, over n lanes.
    void (*fill)(index_t n, double value, double* out, bool accumulate);
    /// out (+)= x y, elementwise over n lanes; out (+)= x alpha.
    void (*multiply)(index_t n, const double* x, const double* y, double* out, bool accumulate);
    void (*scale)(index_t n, const double* x, double alpha, double* out, bool accumulate);

    /// B += K of a layer: diag(d2 v), or for a matrix slope, with w = a (v - a'v),
    /// diag(d1) (diag(w) - w a' - a w') diag(d1) + diag(w d2). B: h x h columns of n lanes.
    void (*add_curvature)(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                          index_t ldv, double* b, index_t ldb);

    /// out += K r, one vector instead of the matrix; n x h each.
    void (*multiply_curvature)(const Slope& f, const double* d2, index_t n, index_t h,
                               const double* v, index_t ldv, const double* r, index_t ldr,
                               double* out, index_t ldo);

    /// Rows of a packed left panel.
    index_t panel_rows;
    /// Left operand of a contraction over n lanes: panels of panel_rows rows, lane by lane,
    /// `panel_stride` apart; the last one is filled up with zeros.
    void (*pack_left)(index_t n, index_t n_rows, const Factor* rows, double* out,
                      index_t panel_stride);
    /// Right operand: n_columns x n doubles, and 16 to spare.
    void (*pack_right)(index_t n, index_t n_columns, const Factor* columns, double* out);
    /// h[rows[r] + columns[c]] (+)= sum over n lanes of left row r times right column c, at least
    /// where r <= c + diagonal.
    void (*contract)(index_t n, index_t n_rows, const double* left, index_t panel_stride,
                     const index_t* rows, index_t n_columns, const double* right,
                     const index_t* columns, index_t diagonal, double* h, bool accumulate);

    /// Products of the rows of a packed left operand with each other: at least the upper triangle
    /// of out, whose ld, and number of columns, are n_rows rounded up to panel_rows.
    void (*symmetric_product)(index_t n, index_t n_rows, const double* left, index_t panel_stride,
                              double* out, index_t ld);

    /// Columns of a Jacobian for `count` samples, output fastest, one every `col_stride`, each
    /// written from its first row to its last. `stream`: past the caches.
    void (*jacobian_columns)(index_t first, index_t last, index_t outputs, index_t n_parts,
                             const OuterProducts* parts, double* out, index_t col_stride,
                             bool stream);
    /// Column z of out holds lane z of every row, for z < count: the rows of a Jacobian where they
    /// are lanes, and the operands of jacobian_columns.
    void (*columns_by_lanes)(index_t count, index_t n_rows, const Factor* rows, double* out,
                             index_t col_stride);
    /// Copies; `stream`: past the caches.
    void (*copy)(index_t n, const double* from, double* to, bool stream);
    /// to[j, i] = from[i, j] for a rows x cols matrix; column-major, columns ld and ld_to apart.
    void (*transpose)(index_t rows, index_t cols, const double* from, index_t ld, double* to,
                      index_t ld_to);
    /// A small symmetric p x p matrix from its upper triangle, which is read in whole packets.
    void (*copy_symmetric)(index_t p, const double* upper, index_t ld, double* out, index_t ld_out);
    /// Squares of `size` x `size`, right of the diagonal in rows [first, last) of `count` squares:
    /// in each one, the lower triangle from the upper one.
    void (*mirror_squares)(index_t size, index_t count, index_t first, index_t last, double* h,
                           index_t ld);
    /// Lower triangle from the upper one, for columns [first, last) of a p x p matrix.
    void (*mirror)(index_t p, index_t first, index_t last, double* h, index_t ld);

    /// Operands of a contraction from rows of a column-major matrix: left_z,r = a[r, z], and
    /// right_z,c = factor * a[c, z].
    void (*pack_rows)(index_t n, index_t n_rows, const double* a, index_t ld, double* left);
    void (*pack_columns)(index_t n, index_t n_columns, double factor, const double* a, index_t ld,
                         double* right);
    /// A = L L' in place, lower triangle; false when A is not positive definite.
    bool (*cholesky_block)(index_t n, double* a, index_t ld);
    /// X L' = A in place, for rows of A.
    void (*solve_rows)(index_t rows, index_t n, const double* l, index_t ldl, double* a,
                       index_t lda);
    /// L x = b and L' x = b in place.
    void (*solve_lower)(index_t n, const double* l, index_t ld, double* x);
    void (*solve_lower_transposed)(index_t n, const double* l, index_t ld, double* x);

    /// One sample, neurons as lanes: out = theta x for theta h x k, written in whole packets; and
    /// out (r) = theta' d (r) for `count` vectors d, whole packets too, vectors ldd and ldo apart.
    /// Lanes of d beyond its h values are multiplied by zero: they must be finite.
    void (*vector_product)(index_t h, index_t k, const double* theta, const double* x, double* out);
    void (*transposed_products)(index_t h, index_t k, const double* theta, index_t count,
                                const double* d, index_t ldd, double* out, index_t ldo);
    /// In every lane out (+)= a' b, for a k x rows, b k x columns: runs of n lanes, column by
    /// column. `upper`: of out's lower triangle nothing is needed.
    void (*lane_products)(index_t n, index_t rows, index_t columns, index_t k, const double* a,
                          const double* b, double* out, bool upper, bool accumulate);
};

/// What computes and writes in floats; meanings and names as in Kernels.
struct FloatKernels {
    void (*multiply)(index_t n, const float* x, const float* y, float* out, bool accumulate);
    void (*scale)(index_t n, const float* x, float alpha, float* out, bool accumulate);
    index_t panel_rows;
    /// Products x y are made in double and rounded once.
    void (*pack_left)(index_t n, index_t n_rows, const Factor* rows, float* out,
                      index_t panel_stride);
    void (*pack_right)(index_t n, index_t n_columns, const Factor* columns, float* out);
    /// Sums in float over runs of 64 lanes, which are added up in double; h is rounded
    /// to float once, or kept in double.
    void (*contract)(index_t n, index_t n_rows, const float* left, index_t panel_stride,
                     const index_t* rows, index_t n_columns, const float* right,
                     const index_t* columns, index_t diagonal, float* h, bool accumulate);
    void (*contract_wide)(index_t n, index_t n_rows, const float* left, index_t panel_stride,
                          const index_t* rows, index_t n_columns, const float* right,
                          const index_t* columns, index_t diagonal, double* h, bool accumulate);
    void (*jacobian_columns)(index_t first, index_t last, index_t outputs, index_t n_parts,
                             const OuterProducts* parts, float* out, index_t col_stride,
                             bool stream);
    void (*columns_by_lanes)(index_t count, index_t n_rows, const Factor* rows, float* out,
                             index_t col_stride);
    void (*copy)(index_t n, const float* from, float* to, bool stream);
    void (*transpose)(index_t rows, index_t cols, const float* from, index_t ld, float* to,
                      index_t ld_to);
    /// Copies, rounding to nearest; `stream`: past the caches.
    void (*round)(index_t n, const double* from, float* to, bool stream);
    void (*mirror_squares)(index_t size, index_t count, index_t first, index_t last, float* h,
                           index_t ld);
    void (*mirror)(index_t p, index_t first, index_t last, float* h, index_t ld);
    void (*pack_rows)(index_t n, index_t n_rows, const float* a, index_t ld, float* left);
    void (*pack_columns)(index_t n, index_t n_columns, float factor, const float* a, index_t ld,
                         float* right);
};

/// The tables for this machine, chosen once; see runtime.hpp for JACNET_ISA.
const Kernels& kernel_table();
const FloatKernels& float_kernel_table();
/// The one that writes results of this type.
template <class Result>
const auto& kernels_of() {
    if constexpr (std::is_same_v<Result, float>) {
        return float_kernel_table();
    } else {
        return kernel_table();
    }
}

/// Singular value decomposition a = u diag(s) v' of a rows x cols matrix with rows <= cols; only u
/// (rows x rows) and s (rows, descending) are wanted.
void svd(index_t rows, index_t cols, const double* a, double* u, double* s);

}  // namespace jacnet
