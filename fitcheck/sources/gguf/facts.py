"""A GGUF header as questions: what a key says, what shape a layer's tensor has."""

import re
from collections.abc import Iterator
from typing import Final

from fitcheck.architecture.checkpoint import StoredTensor
from fitcheck.architecture.config import LARGEST_DIMENSION, MOST_LAYERS
from fitcheck.errors import BadInput
from fitcheck.sources.files import shown
from fitcheck.sources.gguf.header import Header

Values = dict[str, object]

_BLOCK: Final = re.compile(r"(?:blk|enc\.blk|dec\.blk)\.(\d+)\.(.+)")


class Facts:
    """Metadata by its key behind the architecture's name; tensors by layer and role.

    A role is a tensor's name without `blk.N.` and `.weight`: `attn_q`, `attn_q.bias`, `ssm_a`.
    `layers` are those that run; layers for multi-token prediction stand behind them.
    """

    def __init__(self, header: Header, name: str) -> None:
        self.header = header
        self.name = name
        self.architecture = header.architecture
        blocks = self.whole("block_count")
        if not 0 < blocks <= MOST_LAYERS:
            raise BadInput(
                f"{name}: {self.architecture}.block_count is {blocks}, which no model has"
            )
        self.layers = blocks - min(self.whole("nextn_predict_layers"), blocks - 1)
        self.mtp_layers = blocks - self.layers
        self.blocks: list[dict[str, StoredTensor]] = [{} for _ in range(blocks)]
        self.outside: dict[str, StoredTensor] = {}
        for tensor in header.tensors:
            self._sort_in(tensor)

    def _sort_in(self, tensor: StoredTensor) -> None:
        block = _BLOCK.fullmatch(tensor.name)
        if block is None:
            self.outside[tensor.name.removesuffix(".weight")] = tensor
        elif int(block[1]) < len(self.blocks):
            self.blocks[int(block[1])][block[2].removesuffix(".weight")] = tensor
        else:
            raise BadInput(f"{self.name}: {shown(tensor.name)} is beyond the last block")

    def value(self, key: str) -> object:
        """What stands under `ARCHITECTURE.key`, None where nothing does."""
        return self.header.metadata.get(f"{self.architecture}.{key}")

    def whole(self, key: str, default: int = 0) -> int:
        """A number; of a list with one for each layer the largest."""
        value = self.value(key)
        if value is None:
            return default
        return max(self._wholes(key, value), default=default)

    def each(self, key: str) -> list[int]:
        """One number for each layer that runs, also where the key has one for all; or none."""
        value = self.value(key)
        if value is None:
            return []
        found = self._wholes(key, value)
        return (found if isinstance(value, tuple) else found * self.layers)[: self.layers]

    def _wholes(self, key: str, value: object) -> list[int]:
        found = list(value) if isinstance(value, tuple) else [value]
        return [self._checked(key, item) for item in found]

    def _checked(self, key: str, item: object) -> int:
        if isinstance(item, int) and 0 <= item <= LARGEST_DIMENSION:
            return int(item)
        shown = repr(item)[:40]
        raise BadInput(f"{self.name}: {self.architecture}.{key} is {shown}, which no model has")

    def has(self, role: str) -> bool:
        """Whether any layer has a tensor of that role."""
        return self.shape(role) != ()

    def shape(self, role: str) -> tuple[int, ...]:
        """The shape of the first tensor of that role, () where no layer has one."""
        return next((b[role].shape for b in self.blocks if role in b), ())

    def rows(self, role: str) -> int:
        """Outputs of the first matrix of that role, 0 where there is none."""
        shape = self.shape(role)
        return shape[-2] if len(shape) > 1 else 0

    def columns(self, role: str) -> int:
        """Inputs of the first matrix of that role (a vector's length), 0 where there is none."""
        return next(iter(self.shape(role)[-1:]), 0)

    def with_role(self, *roles: str) -> list[bool]:
        """For each layer that runs, whether it has a tensor of one of these roles."""
        return [any(role in block for role in roles) for block in self.running()]

    def running(self) -> Iterator[dict[str, StoredTensor]]:
        """The layers that run, in order."""
        yield from self.blocks[: self.layers]

    @property
    def vocab_size(self) -> int:
        """Rows of the token embeddings."""
        table = self.outside.get("token_embd")
        return table.shape[0] if table else self.whole("vocab_size")

    @property
    def heads(self) -> int:
        """Query heads of the layers that have any."""
        return self.whole("attention.head_count")

    @property
    def key_value_heads(self) -> int:
        """Key-value heads of the layers that have any."""
        return self.whole("attention.head_count_kv") or self.heads

    @property
    def head_dim(self) -> int:
        """Width of a head: as the header says, or else as the hidden size divides."""
        return self.whole("attention.key_length") or self.whole("embedding_length") // (
            self.heads or 1
        )

    @property
    def window(self) -> int | None:
        """Tokens that a sliding layer sees, None where none slides."""
        return self.whole("attention.sliding_window", WINDOWS.get(self.architecture, 0)) or None

    @property
    def sliding(self) -> list[bool] | None:
        """For each layer whether it slides, None where no layer does."""
        pattern = self.value("attention.sliding_window_pattern")
        if self.window is None:
            return None
        if isinstance(pattern, tuple):
            return [bool(x) for x in pattern][: self.layers]
        period = PERIODS.get(self.architecture, 0)
        if isinstance(pattern, int):
            period = -pattern if period < 0 else pattern
        return [_slides(i, period) for i in range(self.layers)] if period else None


# Every nth layer attends to everything, the others to a window (negative: the first of n does,
# else the last), where the file has no pattern of its own.
# Source: llama.cpp 0c1e57098 (2026-10), load_swa_pattern in src/models/*.cpp.
PERIODS: Final = {
    "afmoe": 4, "cohere2": 4, "cohere2moe": -4, "exaone-moe": 4, "exaone4": 4,
    "gemma-embedding": 6, "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "laguna": -4,
    "llama4": 4, "mellum": 4, "muse-glimmer": 4, "olmo2": 4, "plamo3": 8, "smallthinker": -4,
}  # fmt: skip


# Windows that the file does not say. Source: as above, src/models/llama4.cpp.
WINDOWS: Final = {"llama4": 8192}


def _slides(layer: int, period: int) -> bool:
    return layer % -period != 0 if period < 0 else layer % period < period - 1
