#pragma once
/// What a Gram matrix is a product of: sources u and sensitivities d of all samples, packed.

#include <algorithm>
#include <vector>

#include "tape.hpp"

namespace jacnet::gram {

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

    Kind kind(index_t l) const { return kinds_[static_cast<std::size_t>(l)]; }
    bool has(Kind kind) const {
        return std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end();
    }
    /// Numbers that a product of sensitivities runs over.
    index_t features(index_t l) const {
        const index_t h = plan.layers[static_cast<std::size_t>(l)].h;
        if (kind(l) == Kind::diagonal) return 0;
        return h * (kind(l) == Kind::general && form == GramForm::traced ? plan.n_outputs : 1);
    }
    /// Rows of d per sample; one for scaled layers, whose f' serves all outputs.
    index_t rows(index_t l) const { return kind(l) == Kind::scaled ? 1 : outputs; }
    /// c_m of a scaled layer, h numbers.
    const double* factors(index_t l, index_t m) const {
        return factors_[static_cast<std::size_t>(l)].data() +
               m * plan.layers[static_cast<std::size_t>(l)].h;
    }
    /// Their root sum of squares over m.
    double norm(index_t l, index_t i) const;

private:
    void find_scaled(bool wanted);
    void choose_chunk();

    std::vector<Kind> kinds_;
    std::vector<std::vector<double>> factors_;
};

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

}  // namespace jacnet::gram
