"""How far measured figures fall from the sum, and what is to be said about it.

`low` is about the least that torch counts as allocated, `high` the most that nvidia-smi shows.
The numbers are quantiles of residuals; benchmarks/fit_transformers.py makes them.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from fitcheck.architecture import Model
from fitcheck.engines.transformers.settings import Settings
from fitcheck.quantization import Scheme
from fitcheck.units import MIB


class Spread(NamedTuple):
    """Factors on what torch counts, and bytes of the process beside it at most."""

    low: float
    high: float
    process: int


_PROCESS: Final = 640 * MIB
_MEASURED: Final = Spread(0.99, 1.04, _PROCESS)


def spread(model: Model, scheme: Scheme) -> Spread:
    """The range for that class under that scheme."""
    return _MEASURED


def notes(model: Model, scheme: Scheme, stateful: bool, settings: Settings) -> Iterator[str]:
    """What a reader should know beside the numbers."""
    if stateful and settings.kernels is None:
        yield (
            "as with mamba-ssm, causal-conv1d or flash-linear-attention installed; "
            "the upper end is without them"
        )
