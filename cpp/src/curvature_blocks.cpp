#include "curvature_blocks.hpp"

namespace jacnet {

void CurvatureBlocks::keep() {
    index_t doubles = 0;
    for (const PlanLayer& a : plan_.layers) {
        for (const PlanLayer& b : plan_.layers) doubles += a.h * b.h;  // those of B, those of C
    }
    const double bytes = 8.0 * static_cast<double>(passes() + 2 * doubles);
    const bool fits = bytes * static_cast<double>(batch_.size()) <= double{Tape::kept_bytes};
    if (!fits || batch_.size() == 0) return;
    kept_samples_ = chunk_samples(doubles);
    kept_.resize(static_cast<std::size_t>((batch_.size() + kept_samples_ - 1) / kept_samples_));
}

double CurvatureBlocks::bytes(const CurvaturePairs& pairs, int n_threads) const {
    if (!kept_.empty()) return 0.0;
    const index_t chunk = std::min(chunk_samples(pairs.doubles()), round_up(batch_.size(), lanes));
    return 8.0 * static_cast<double>(n_threads) * static_cast<double>(chunk) *
           static_cast<double>(passes() + pairs.doubles());
}

/// So many that the second-level cache holds them, within reason.
index_t CurvatureBlocks::chunk_samples(index_t doubles) {
    constexpr index_t cached_doubles = index_t{1} << 16;
    return std::clamp(cached_doubles / std::max(doubles, index_t{1}) / lanes * lanes, index_t{32},
                      index_t{128});
}

index_t CurvatureBlocks::passes() const {
    index_t doubles = 3 * plan_.n_outputs;
    for (const PlanLayer& layer : plan_.layers) doubles += layer.k_all + 6 * layer.h;
    return doubles;
}

Block CurvatureBlocks::make(index_t first, index_t count, Workspace& work) const {
    const double scale = data_scale(plan_.performance, batch_.counted);
    Block block = forward_block(plan_, batch_, first, count, order_for(kind_), scale, work);
    backward(plan_, block, Objective::performance);
    return block;
}

const CurvatureBlocks::Kept& CurvatureBlocks::kept(index_t b) {
    Kept& own = kept_[static_cast<std::size_t>(b)];
    if (own.tape) return own;
    const index_t first = b * kept_samples_;
    own.work = std::make_unique<Workspace>(Workspace::Own{});
    own.block = make(first, std::min(kept_samples_, batch_.size() - first), *own.work);
    own.tape.emplace(plan_, own.block, kind_, Objective::performance, *own.work);
    return own;
}

}  // namespace jacnet
