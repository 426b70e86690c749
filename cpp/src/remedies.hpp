#pragma once
/// What to ask for where memory ends, in the messages that refuse it; spelled as in Python.

namespace jacnet::instead {

inline constexpr const char* fewer_samples = "ask for fewer samples at a time (samples=)";
inline constexpr const char* fewer_columns = "pass fewer samples (columns of x) at a time";
inline constexpr const char* fewer_parameters = "ask for fewer parameters (net.set_learn)";
inline constexpr const char* fewer_vectors = "ask for fewer vectors at a time";
inline constexpr const char* fewer_rows =
    "ask for fewer rows or columns at a time, or for hessian_diagonal";

inline constexpr const char* jacobian =
    "ask for fewer samples at a time (samples=) or products with vectors (jvp, vjp, "
    "JacobianOperator)";
inline constexpr const char* gram =
    "ask for fewer samples at a time (samples=, or ntk of two parts)";
inline constexpr const char* input_hessian =
    "ask for fewer samples at a time (samples=), input_hvp or laplacian";
inline constexpr const char* normal_equations =
    "ask for products with vectors (jvp, vjp, JacobianOperator), "
    "hessian(kind='gauss-newton', structure='block') or gauss_newton_diagonal";
inline constexpr const char* gauss_newton =
    "ask for products with vectors (ggnvp, GaussNewtonOperator), "
    "hessian(kind='gauss-newton', structure='block') or gauss_newton_diagonal";
inline constexpr const char* hessian =
    "ask for products with vectors (hvp, HessianOperator), structure='block' or "
    "structure='diagonal'";
/// What is smaller than the blocks of layers, which together can be more than half of the matrix.
inline constexpr const char* blocks =
    "ask for products with vectors (hvp, HessianOperator), hessian_block of some rows or "
    "hessian_diagonal";
inline constexpr const char* fisher = "ask for structure='diagonal'";

}  // namespace jacnet::instead
