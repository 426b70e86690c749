#pragma once
/// Views: pointers with a shape and strides. Nothing in jacnet's interface owns or copies the
/// caller's arrays.
///
/// Layout, stated once for the whole library: matrices have samples in columns (x is R x Q, t and y
/// are S x Q), element (i, j) lies at `data[i * row_stride + j * col_stride]`, and any strides are
/// accepted. Results whose columns are contiguous (row_stride == 1) take the fast path.

#include <cstddef>
#include <type_traits>

namespace jacnet {

/// Sizes, offsets and counts; signed and 64 bits wide, so that products of sizes do not wrap.
using index_t = std::ptrdiff_t;

/// A vector of `size` elements, `stride` elements apart.
template <class T>
struct VectorView {
    T* data = nullptr;
    index_t size = 0;
    index_t stride = 1;

    VectorView() = default;
    VectorView(T* data_, index_t size_, index_t stride_ = 1)
        : data(data_), size(size_), stride(stride_) {}
    /// A view of mutable elements is also a view of constant ones.
    template <class U>
        requires(std::is_same_v<const U, T>)
    VectorView(const VectorView<U>& other)
        : data(other.data), size(other.size), stride(other.stride) {}

    T& operator[](index_t i) const { return data[i * stride]; }
};

/// A matrix of `rows` x `cols` elements; strides are counted in elements and may be negative.
template <class T>
struct MatrixView {
    T* data = nullptr;
    index_t rows = 0;
    index_t cols = 0;
    index_t row_stride = 1;
    index_t col_stride = 0;

    MatrixView() = default;
    /// Column-major and compact.
    MatrixView(T* data_, index_t rows_, index_t cols_)
        : MatrixView(data_, rows_, cols_, 1, rows_) {}
    MatrixView(T* data_, index_t rows_, index_t cols_, index_t row_stride_, index_t col_stride_)
        : data(data_), rows(rows_), cols(cols_), row_stride(row_stride_), col_stride(col_stride_) {}
    template <class U>
        requires(std::is_same_v<const U, T>)
    MatrixView(const MatrixView<U>& other)
        : MatrixView(other.data, other.rows, other.cols, other.row_stride, other.col_stride) {}

    T& operator()(index_t i, index_t j) const { return data[i * row_stride + j * col_stride]; }
    MatrixView transposed() const { return {data, cols, rows, col_stride, row_stride}; }
};

}  // namespace jacnet
