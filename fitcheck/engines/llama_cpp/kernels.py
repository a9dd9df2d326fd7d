"""Which state-space operations run on a card, by their shapes; the others run on the host.

Source: llama.cpp 0c1e57098 (2026-10), ggml/src/ggml-cuda/ggml-cuda.cu
(ggml_backend_cuda_device_supports_op: SSM_CONV, SSM_SCAN).
"""

from typing import Final

# Channels that a block of threads of the convolution works on.
_CHANNELS: Final = 128
# Widths of a head's state that Mamba 2's scan is compiled for, and of a channel's in Mamba 1.
_HEAD_STATES: Final = frozenset((96, 128, 256))
_CHANNEL_STATE: Final = 16
_HEAD_STEP: Final = 16


def convolves(channels: int) -> bool:
    """Whether a short convolution over so many channels runs on a card."""
    return channels % _CHANNELS == 0


def scans_heads(d_state: int, head_dim: int) -> bool:
    """Whether a scan by heads (Mamba 2) does."""
    return d_state in _HEAD_STATES and head_dim % _HEAD_STEP == 0


def scans_channels(d_state: int, channels: int) -> bool:
    """Whether a scan channel by channel (Mamba 1) does."""
    return d_state == _CHANNEL_STATE and channels % _CHANNELS == 0
