#include "directions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

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

void move_output(const Plan& plan, const Block& block, const PlanOutput& output,
                 const Motion* motion, double* y) {
    const index_t n = block.n, h = plan.layers[at(output.layer)].h;
    const double* a = motion[output.layer].a;
    for (index_t i = 0; i < output.rows; ++i) {
        bool accumulate = false;
        for (index_t j = 0; j < h; ++j) {
            const double gain = output.linear(i, j);
            if (gain == 0.0) continue;
            kernel_table().scale(n, a + j * n, gain, y + i * n, accumulate);
            accumulate = true;
        }
        if (!accumulate) std::fill_n(y + i * n, n, 0.0);
    }
}

void add_to_layer(const PlanOutput& output, index_t n, const double* u, double* v) {
    for (index_t j = 0; j < output.linear.cols; ++j) {
        for (index_t i = 0; i < output.rows; ++i) {
            const double gain = output.linear(i, j);
            if (gain != 0.0) kernel_table().scale(n, u + i * n, gain, v + j * n, true);
        }
    }
}

}  // namespace jacnet
