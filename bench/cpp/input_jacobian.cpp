/// Input Jacobians in a loop in C++, without Python: a shared library.

#include <cstddef>
#include <exception>
#include <vector>

#include "jacnet/jacnet.hpp"

#if __has_include("jacnet/input_derivatives.hpp")
#include "jacnet/input_derivatives.hpp"
#define EVALUATOR 1
#else
#define EVALUATOR 0
#endif

using jacnet::index_t;

namespace {

/// A network, and where its input Jacobians at `n` samples go: S x R each, a row per output.
struct Problem {
    jacnet::Network net;
    const double* x;
    double* out;
    index_t n_inputs, n_outputs, n;
#if EVALUATOR
    jacnet::InputDerivatives evaluator;
#endif
};

}  // namespace

extern "C" int has_evaluator() { return EVALUATOR; }

extern "C" Problem* problem(long n_sizes, const long* sizes, int logsig, const double* wb, long n,
                            const double* x, double* out) {
    const std::vector<index_t> widths(sizes, sizes + n_sizes);
    const auto hidden = logsig != 0 ? jacnet::Transfer::logsig : jacnet::Transfer::tansig;
    jacnet::Network net(jacnet::chain(widths, hidden));
    net.set_parameters({wb, net.n_parameters()});
    return new Problem{net,
                       x,
                       out,
                       widths.front(),
                       widths.back(),
                       n,
#if EVALUATOR
                       jacnet::InputDerivatives(net)
#endif
    };
}

extern "C" void release(Problem* p) { delete p; }

/// One pass over all samples at once, as often as asked; the tape is made anew each time.
extern "C" int linearization(Problem* p, long loops, int n_threads) {
    const index_t strides[3]{p->n_inputs * p->n_outputs, p->n_inputs, 1};
    try {
        for (long i = 0; i < loops; ++i) {
            jacnet::Samples samples;
            samples.x = {{p->x, p->n_inputs, p->n}};
            jacnet::Linearization lin(p->net, samples, "input_jacobian",
                                      jacnet::Parameters::borrowed);
            lin.input_jacobian(p->out, strides, n_threads);
        }
    } catch (const std::exception&) {
        return 1;
    }
    return 0;
}

/// One sample after the other through an evaluator that is kept.
extern "C" void evaluator(Problem* p, long loops) {
#if EVALUATOR
    for (long i = 0; i < loops; ++i) {
        for (index_t q = 0; q < p->n; ++q) {
            p->evaluator.evaluate(p->x + q * p->n_inputs, nullptr,
                                  p->out + q * p->n_inputs * p->n_outputs);
        }
    }
#else
    static_cast<void>(p);
    static_cast<void>(loops);
#endif
}
