#pragma once
/// A tile of a Gram matrix, which stays in a core's cache while layers are added to it.

#include "gram_operands.hpp"

namespace jacnet::gram {

/// The part of the result that belongs to one chunk of either side.
template <class Real>
class Tile {
public:
    Tile(const Shape& shape, index_t samples, index_t other_samples, Workspace& work);
    /// Of the largest one.
    static double bytes(const Shape& shape);

    index_t rows() const { return rows_; }
    index_t columns() const { return columns_; }

    /// Sum over layers of the products of two chunks.
    void fill(const Operands<Real>& left, index_t a, const Operands<Real>& right, index_t b);
    /// Makes a tile of a chunk with itself symmetric, from its upper triangle.
    void mirror();
    /// Writes the tile to a matrix of its size; `stream`: past the caches.
    void put(const MatrixView<Real>& to, bool stream) const;

private:
    void product(index_t features, index_t height, const Real* left, index_t width,
                 const Real* right, Real* out) const;
    void add_sensitivities(bool first);
    void add_diagonal(index_t l);
    void add_scaled(index_t l, const Real* left, const Real* right);

    const Shape& shape_;
    const index_t n_, n_other_;
    const index_t rows_, columns_;
    Real* const values_;
    Real* const spare_;
    Real* const sources_;  ///< u . u'
    Real* const spread_;
    index_t* const row_offsets_;
    index_t* const column_offsets_;
};

}  // namespace jacnet::gram
