#pragma once
/// Declarations of one instruction set's kernels; meanings in kernels.hpp.

#include "kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

bool all_finite(index_t n, const double* values);
void layer_product(index_t n, index_t h, index_t k, const double* a, index_t lda, const double* b,
                   index_t step, index_t next, double* out, index_t ldo, bool accumulate);
void sum_over_lanes(index_t n, index_t rows, index_t columns, const double* x, index_t ldx,
                    const double* y, index_t ldy, double* out, index_t ldo);
void slope_backward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                    index_t ldg);
void slope_forward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                   index_t ldg);
void fill(index_t n, double value, double* out, bool accumulate);
void multiply(index_t n, const double* x, const double* y, double* out, bool accumulate);
void scale(index_t n, const double* x, double alpha, double* out, bool accumulate);
void add_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                   index_t ldv, double* b, index_t ldb);
void multiply_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                        index_t ldv, const double* r, index_t ldr, double* out, index_t ldo);
void take_over(index_t n, double* part, double* sum);
void pack_left(index_t n, index_t n_rows, const Factor* rows, double* out, index_t panel_stride);
void pack_right(index_t n, index_t n_columns, const Factor* columns, double* out);
void contract(index_t n, index_t n_rows, const double* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const double* right, const index_t* columns,
              index_t diagonal, double* h, bool accumulate);
void symmetric_product(index_t n, index_t n_rows, const double* left, index_t panel_stride,
                       double* out, index_t ld);
void jacobian_columns(index_t first, index_t last, index_t outputs, index_t n_parts,
                      const OuterProducts* parts, double* out, index_t col_stride, bool stream);
void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, double* out,
                      index_t col_stride);
void copy(index_t n, const double* from, double* to, bool stream);
void transpose(index_t rows, index_t cols, const double* from, index_t ld, double* to,
               index_t ld_to);
void copy_symmetric(index_t p, const double* upper, index_t ld, double* out, index_t ld_out);
void mirror_squares(index_t size, index_t count, index_t first, index_t last, double* h,
                    index_t ld);
void mirror(index_t p, index_t first, index_t last, double* h, index_t ld);
void pack_rows(index_t n, index_t n_rows, const double* a, index_t ld, double* left);
void pack_columns(index_t n, index_t n_columns, double factor, const double* a, index_t ld,
                  double* right);
bool cholesky_block(index_t n, double* a, index_t ld);
void solve_rows(index_t rows, index_t n, const double* l, index_t ldl, double* a, index_t lda);
void solve_lower(index_t n, const double* l, index_t ld, double* x);
void solve_lower_transposed(index_t n, const double* l, index_t ld, double* x);
void vector_product(index_t h, index_t k, const double* theta, const double* x, double* out);
void transposed_products(index_t h, index_t k, const double* theta, index_t count, const double* d,
                         index_t ldd, double* out, index_t ldo);
void lane_products(index_t n, index_t rows, index_t columns, index_t k, const double* a,
                   const double* b, double* out, bool upper, bool accumulate);

void multiply(index_t n, const float* x, const float* y, float* out, bool accumulate);
void scale(index_t n, const float* x, float alpha, float* out, bool accumulate);
void pack_left(index_t n, index_t n_rows, const Factor* rows, float* out, index_t panel_stride);
void pack_right(index_t n, index_t n_columns, const Factor* columns, float* out);
void contract(index_t n, index_t n_rows, const float* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const float* right, const index_t* columns,
              index_t diagonal, float* h, bool accumulate);
void contract(index_t n, index_t n_rows, const float* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const float* right, const index_t* columns,
              index_t diagonal, double* h, bool accumulate);
void jacobian_columns(index_t first, index_t last, index_t outputs, index_t n_parts,
                      const OuterProducts* parts, float* out, index_t col_stride, bool stream);
void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, float* out,
                      index_t col_stride);
void copy(index_t n, const float* from, float* to, bool stream);
void transpose(index_t rows, index_t cols, const float* from, index_t ld, float* to, index_t ld_to);
void round(index_t n, const double* from, float* to, bool stream);
void mirror_squares(index_t size, index_t count, index_t first, index_t last, float* h, index_t ld);
void mirror(index_t p, index_t first, index_t last, float* h, index_t ld);
void pack_rows(index_t n, index_t n_rows, const float* a, index_t ld, float* left);
void pack_columns(index_t n, index_t n_columns, float factor, const float* a, index_t ld,
                  float* right);

}  // namespace jacnet::kernels::JACNET_ISA
