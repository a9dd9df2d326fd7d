"""Residuals of what vLLM printed, made by benchmarks/fit_vllm.py.

Made 2026-11-22 from tests/golden/vllm_logs.csv (vLLM 0.6 to 0.31). Run it again to change them.
Ends are the fifth and the ninety-fifth of a hundred, the middle is the median.
"""

from typing import Final

# Of weights (17 starts), and of the profiling run's peak (13): least and most.
WEIGHTS: Final = (0.9987, 1.0068)
ACTIVATIONS: Final = (0.59, 1.176)

# MiB of a card that are not torch's: alone (21 starts), and one of several (11).
KERNELS: Final = (20, 154, 481)
JOINED: Final = (92, 399, 1782)

# MiB of CUDA graphs: 41 starts.
GRAPHS: Final = (113, 594, 2816)
