#pragma once
/// A tile of a Gram matrix, which stays in a core's cache while layers are added to it.

#include "gram_operands.hpp"

namespace jacnet::gram {

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
    /// A matrix of floats gets its values rounded once.
    template <class Real>
    void put(const MatrixView<Real>& to, bool stream);

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

}  // namespace jacnet::gram
