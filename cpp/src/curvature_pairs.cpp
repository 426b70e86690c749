/// Which curvatures between layers a question takes, and what those are made from.

#include <algorithm>

#include "curvature.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

CurvaturePairs::CurvaturePairs(const Plan& plan)
    : plan_(plan),
      b_(at(plan.n_layers() * plan.n_layers()), 0),
      c_(at(plan.n_layers() * plan.n_layers()), 0) {}

void CurvaturePairs::close() {
    const index_t n_layers = plan_.n_layers();
    for (index_t l = 0; l < n_layers; ++l) {
        for (index_t k = l; k < n_layers; ++k) {
            if (!b(l, k)) continue;
            for (const Successor& s : plan_.layers[at(l)].successors) {
                want_b(std::min(s.layer, k), std::max(s.layer, k));
            }
        }
        for (index_t k = n_layers - 1; k > l; --k) {
            if (!c(l, k)) continue;
            for (const Feed& feed : plan_.layers[at(k)].feeds) {
                if (feed.kind != SourceKind::layer || feed.source < l) continue;
                if (feed.source > l || plan_.layers[at(l)].matrix_slope) want_c(l, feed.source);
            }
        }
    }
}

index_t CurvaturePairs::doubles() const {
    index_t sum = 0;
    for (index_t l = 0; l < plan_.n_layers(); ++l) {
        for (index_t k = l; k < plan_.n_layers(); ++k) {
            sum +=
                (b_[index(l, k)] + c_[index(l, k)]) * plan_.layers[at(l)].h * plan_.layers[at(k)].h;
        }
    }
    return sum;
}

}  // namespace jacnet
