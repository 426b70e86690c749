"""The tangent kernel as jacnet's users would form it by hand: jn.jacobian, and BLAS for J'J."""

from __future__ import annotations

import jacnet as jn
import numpy as np

from ..cases import Case
from .base import Call, MissingError, NotOfferedError, Peer, square
from .jacnet_peer import network

try:
    from scipy.linalg.blas import dsyrk
except ImportError as error:
    raise MissingError(f"{error}: BLAS products need scipy") from error

_MOST = 9e9  # bytes of a Jacobian


class Contender(Peer):
    """J from jacnet, into memory that is kept; then the lower triangle of J'J by dsyrk."""

    version = f"{jn.__version__} (numpy {np.__version__})"

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of the Gram matrix."""
        if quantity != "gram":
            raise NotOfferedError("not offered")
        if case.result_bytes("jacobian") > _MOST:
            raise NotOfferedError(f"a Jacobian of more than {_MOST / 1e9:.0f} GB")
        net, (x, *_) = network(case), case.data
        j = np.zeros((case.n_parameters, case.n_errors), order="F")

        def product() -> np.ndarray:
            return dsyrk(1.0, jn.jacobian(net, x, out=j), trans=1, lower=1)

        return {"jn.jacobian, dsyrk": product}

    def comparable(self, case: Case, quantity: str, result: np.ndarray) -> list[np.ndarray]:
        """Fill the triangle that dsyrk leaves out."""
        return [square(result)]
