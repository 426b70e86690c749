#pragma once

#include "jacnet/transfer.hpp"
#include "jacnet/view.hpp"

namespace jacnet::kernels::JACNET_ISA {

/// a = f(s) for h features (columns) of n samples, and where the pointers are not null also the
/// slope d1 = f'(s) and the curvature d2 = f''(s); d2 only with d1. `a` may be `s` itself.
/// softmax and radbasn are softmax(z(s)): d1 = z'(s), d2 = z''(s), with z = s and z = -s^2.
/// n is a multiple of 8: whole packets only, so that a value's bits depend on nothing but s.
void transfer(Transfer f, index_t n, index_t h, const double* s, index_t lds, double* a,
              index_t lda, double* d1, double* d2, index_t ldd);

}  // namespace jacnet::kernels::JACNET_ISA
