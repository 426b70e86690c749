#include "directions.hpp"

#include "memory.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

Directions::Directions(const char* function, MatrixView<const double> v, Workspace& work)
    : data_(v.data), step_(v.col_stride) {
    if (v.row_stride == 1) return;
    need_memory(8.0 * static_cast<double>(v.rows) * static_cast<double>(v.cols),
                std::string(function) + ": v, copied because its columns are not contiguous,",
                "pass v in Fortran order, or fewer vectors at a time");
    double* columns = work.doubles(v.rows * v.cols);
    constexpr index_t together = 4096;  // rows between interrupt checks
    parallel_for((v.rows + together - 1) / together, 1, [&](index_t task) {
        const index_t last = std::min((task + 1) * together, v.rows);
        for (index_t i = task * together; i < last; ++i) {
            for (index_t k = 0; k < v.cols; ++k) columns[i + k * v.rows] = v(i, k);
        }
    });
    data_ = columns;
    step_ = v.rows;
}

Motion* move_forward(const Plan& plan, const Block& block, const double* v, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Motion* motion = work.array<Motion>(plan.n_layers());
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        motion[l] = {work.doubles(n * layer.h), work.doubles(n * layer.h)};
        kernels.layer_product(n, layer.h, layer.k, block.layers[l].u, n, v + layer.offset, 1,
                              layer.h, motion[l].s, n, false);
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::layer) continue;
            kernels.layer_product(n, layer.h, feed.width, motion[feed.source].a, n,
                                  plan.theta(l) + feed.column * layer.h, 1, layer.h, motion[l].s, n,
                                  true);
        }
        kernels.slope_forward(slope_of(plan, block, l), n, layer.h, motion[l].s, n, motion[l].a, n);
    }
    return motion;
}

}  // namespace jacnet
