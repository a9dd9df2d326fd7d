"""What the process takes beside the model: CUDA's context and cuBLAS's workspace."""

from typing import Final

from fitcheck.engines.base import Term
from fitcheck.units import MIB, Bytes

# A context with the kernels that were loaded. Measured as total less free by llama.cpp on idle
# cards: RTX 4090 392 MiB, RTX 5090 521, H100 527; PyTorch issues 20532 and 107667 say 300 to 400
# with lazy loading, which is CUDA's default since 12.2. As of 2026-11-21.
CONTEXT: Final = 450 * MIB

# Two buffers of 4096 KiB and eight of 16: PyTorch 2.13, ATen/cuda/CUDABlas.cpp,
# parseChosenWorkspaceSize. On Hopper it is one of 32 MiB.
WORKSPACE: Final = 2 * 4096 * 1024 + 8 * 16 * 1024

SOURCE: Final = "llama.cpp --list-devices on idle cards; PyTorch issues 20532, 107667"


def terms(cards: int) -> tuple[Term, ...]:
    """On every card that holds a part of the model."""
    return (
        Term(
            component="overhead",
            name="CUDA context",
            size=Bytes(cards * CONTEXT),
            formula="cards * context_bytes",
            values={"cards": cards, "context_bytes": CONTEXT},
            source=SOURCE,
        ),
        Term(
            component="overhead",
            name="cuBLAS workspace",
            size=Bytes(cards * WORKSPACE),
            formula="cards * (2 * 4096 + 8 * 16) * 1024",
            values={"cards": cards},
            source="PyTorch 2.13, ATen/cuda/CUDABlas.cpp",
        ),
    )
