/// Cholesky factorisation of the damped normal equations.

#include <Eigen/Cholesky>

#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

double solve_shifted(index_t p, const double* a, index_t lda, double shift, const double* b,
                     double* factor, double* x) {
    const Eigen::Map<const Eigen::MatrixXd, 0, Eigen::OuterStride<>> ma(a, p, p,
                                                                        Eigen::OuterStride<>(lda));
    Eigen::Map<Eigen::MatrixXd> work(factor, p, p);
    work = ma;
    work.diagonal().array() += shift;
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> llt(work);
    if (llt.info() != Eigen::Success) return 0.0;
    Eigen::Map<Eigen::VectorXd> mx(x, p);
    mx = Eigen::Map<const Eigen::VectorXd>(b, p);
    llt.solveInPlace(mx);
    return llt.rcond();
}

}  // namespace jacnet::kernels::JACNET_ISA
