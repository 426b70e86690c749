"""An independent reference for jacnet: networks, performance and derivatives in float64.

Derivatives come from the package `autograd`, which knows nothing of neural networks; the few
closed forms here (process functions, counts, scalings) transcribe the specification. Nothing
imports jacnet.
"""

from .derivatives import Derivatives
from .network import Network, Spec

__all__ = ["Derivatives", "Network", "Spec"]
