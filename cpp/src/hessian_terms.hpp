#pragma once
/// Pieces of a Hessian as sums of products over samples.

#include <unordered_map>
#include <vector>

#include "hessian_pieces.hpp"

namespace jacnet {

/// One feature of the tape, a run of lanes.
struct HessianFeature {
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
struct HessianRow {
    index_t x = 0, y = -1;
    index_t offset = 0;
};

/// Adds left row r times right row c, over samples, to out[left.offset + right.offset].
struct HessianTerm {
    std::vector<HessianRow> left, right;
    double* out = nullptr;
    double* packed = nullptr;  ///< what was put on the left
    bool main = true;          ///< writes its elements first; the others add to them
};

/// Pieces as terms over features of the tape.
class HessianTerms {
public:
    HessianTerms(const Plan& plan, Curvature kind) : plan_(plan), kind_(kind), pairs_(plan) {}

    void add(const HessianPiece& piece);
    /// Once all pieces are there.
    void close() { pairs_.close(); }
    /// Doubles per sample that features and left sides take.
    index_t doubles() const;
    /// What the rows and features of a piece take, about.
    double bytes(const HessianPiece& piece) const;

    std::vector<HessianTerm> terms;
    std::vector<HessianFeature> features;
    const CurvaturePairs& pairs() const { return pairs_; }

private:
    index_t feature(HessianFeature::What what, index_t l, index_t k, index_t column);
    std::vector<index_t> sources(index_t l, std::span<const index_t> columns);
    void add_main(const HessianPiece& piece, const std::vector<index_t>& u_rows,
                  const std::vector<index_t>& u_cols);
    void add_corrections(const HessianPiece& piece, const std::vector<index_t>& u_rows);
    void add_scattered(const HessianPiece& piece);
    void add_scattered_corrections(const HessianPiece& piece, index_t q,
                                   const std::vector<index_t>& columns);
    void push(HessianTerm term);

    const Plan& plan_;
    const Curvature kind_;
    CurvaturePairs pairs_;
    std::unordered_map<index_t, index_t> known_;  ///< number of a feature
    index_t left_rows_ = 0;
};

}  // namespace jacnet
