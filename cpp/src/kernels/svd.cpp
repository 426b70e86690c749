/// Singular value decomposition for principal components; compiled once.

#include <Eigen/SVD>

#include "kernels.hpp"

namespace jacnet {

void svd(index_t rows, index_t cols, const double* a, double* u, double* s) {
    // Householder QR of a' first: the Jacobi sweeps then work on rows x rows.
    const Eigen::Map<const Eigen::MatrixXd> ma(a, rows, cols);
    const Eigen::JacobiSVD<Eigen::MatrixXd, Eigen::ColPivHouseholderQRPreconditioner> decomposition(
        ma, Eigen::ComputeThinU | Eigen::ComputeThinV);
    Eigen::Map<Eigen::MatrixXd>(u, rows, rows) = decomposition.matrixU();
    Eigen::Map<Eigen::VectorXd>(s, rows) = decomposition.singularValues();
}

}  // namespace jacnet
