#pragma once
/// What a Gram matrix is a product of: sources u and sensitivities d of all samples, packed.

#include <algorithm>
#include <initializer_list>
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
    /// @param panel  rows that the kernels take at once
    Shape(const Plan& plan, GramForm form, index_t panel);

    const Plan& plan;
    const GramForm form;
    index_t outputs = 1;  ///< rows of the result per sample
    index_t chunk = 1;    ///< samples of a tile
    index_t n_chunks(index_t samples) const { return (samples + chunk - 1) / chunk; }

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
    void choose_chunk(index_t panel);

    std::vector<Kind> kinds_;
    std::vector<std::vector<double>> factors_;
};

/// On which side of a product an operand stands.
enum class Role { left, right };

/// One side's u and d, packed chunk by chunk.
template <class Real>
struct Operands {
    std::vector<Real*> u, d;              ///< by layer
    std::vector<index_t> u_size, d_size;  ///< numbers per chunk
};

/// One side: its samples, and u and d feature by feature.
template <class Real>
class Side {
public:
    Side(const Shape& shape, Tape& tape, int n_threads, Workspace& work);
    /// Of so many samples, and packed in these roles.
    static double bytes(const Shape& shape, index_t samples, std::initializer_list<Role> roles);

    index_t n_chunks() const { return shape_.n_chunks(count_); }
    index_t samples(index_t chunk) const {
        return std::min(shape_.chunk, count_ - chunk * shape_.chunk);
    }
    Operands<Real> packed(Role role, int n_threads, Workspace& work) const;

private:
    /// Numbers of a chunk, packed.
    static index_t packed_size(Role role, index_t features, index_t rows);
    void copy(const Block& block);
    void copy_sensitivities(const Block& block, index_t l);

    const Shape& shape_;
    index_t count_;
    std::vector<Real*> u_, d_;
};

}  // namespace jacnet::gram
