/// ALGLIB's gradient and Hessian of a perceptron, for Python's ctypes.
///
/// Parameters are given row by row, each row led by its bias. Results are in ALGLIB's own order and
/// on the scale of half a sum of squares; its parameters in that order come from `parameters`.

#include <dataanalysis.h>

#include <cstring>

namespace {

struct Network {
    alglib::multilayerperceptron net;
    alglib::real_2d_array xy;
    alglib::real_1d_array g;
    alglib::real_2d_array h;
};

void create(Network& network, long n_sizes, const long* n) {
    if (n_sizes == 3) {
        alglib::mlpcreate1(n[0], n[1], n[2], network.net);
    } else {
        alglib::mlpcreate2(n[0], n[1], n[2], n[3], network.net);
    }
    for (long i = 0; i < n[0]; ++i) alglib::mlpsetinputscaling(network.net, i, 0.0, 1.0);
    for (long i = 0; i < n[n_sizes - 1]; ++i) {
        alglib::mlpsetoutputscaling(network.net, i, 0.0, 1.0);
    }
}

/// ALGLIB subtracts thresholds.
void set_parameters(Network& network, long n_sizes, const long* n, const double* w) {
    for (long layer = 1; layer < n_sizes; ++layer) {
        for (long i = 0; i < n[layer]; ++i) {
            const double bias = *w++;
            double threshold = 0.0;
            alglib::ae_int_t fkind = 0;
            alglib::mlpgetneuroninfo(network.net, layer, i, fkind, threshold);
            alglib::mlpsetneuroninfo(network.net, layer, i, fkind, -bias);
            for (long j = 0; j < n[layer - 1]; ++j) {
                alglib::mlpsetweight(network.net, layer - 1, j, layer, i, *w++);
            }
        }
    }
}

}  // namespace

extern "C" {

const char* alglib_version() { return "3.19"; }

void* network(long n_sizes, const long* sizes, const double* w, long n_samples, const double* xy) {
    auto* made = new Network;
    create(*made, n_sizes, sizes);
    set_parameters(*made, n_sizes, sizes, w);
    made->xy.setcontent(n_samples, sizes[0] + sizes[n_sizes - 1], xy);
    const auto p = alglib::mlpgetweightscount(made->net);
    made->g.setlength(p);
    made->h.setlength(p, p);  // its Hessian expects the memory to be there
    return made;
}

/// Biases appear with the opposite sign.
void parameters(void* network, double* w) {
    const auto& weights = static_cast<Network*>(network)->net.c_ptr()->weights;
    std::memcpy(w, weights.ptr.p_double, sizeof(double) * static_cast<std::size_t>(weights.cnt));
}

void gradient(void* network, double* g) {
    auto& n = *static_cast<Network*>(network);
    double e = 0.0;
    alglib::mlpgradnbatch(n.net, n.xy, n.xy.rows(), e, n.g);
    std::memcpy(g, n.g.getcontent(), sizeof(double) * static_cast<std::size_t>(n.g.length()));
}

void hessian(void* network, double* h) {
    auto& n = *static_cast<Network*>(network);
    double e = 0.0;
    alglib::mlphessiannbatch(n.net, n.xy, n.xy.rows(), e, n.g, n.h);
    const alglib::ae_int_t p = n.h.rows();
    for (alglib::ae_int_t i = 0; i < p; ++i) {
        std::memcpy(h + i * p, n.h[i], sizeof(double) * static_cast<std::size_t>(p));
    }
}
}
