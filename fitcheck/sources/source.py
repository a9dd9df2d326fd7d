"""What a model that someone brought turned out to be."""

import msgspec

from fitcheck.architecture import Model
from fitcheck.architecture.checkpoint import Checkpoint


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A model from outside the catalog: its architecture, its weights as stored, or both.

    `path` is where it was found. `model` is None where only weights are there, `checkpoint` where
    only a config.json is. `file_type` is what a GGUF file says it is (`q4_k_m`), empty for others.
    `notes` are sentences that belong beside any answer about it.
    """

    name: str
    path: str
    model: Model | None = None
    checkpoint: Checkpoint | None = None
    file_type: str = ""
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What was read: `hub`, `safetensors`, `gguf`, `pytorch`, or `config.json` alone."""
        if self.path.startswith("hf:"):
            return "hub"
        return self.checkpoint.format if self.checkpoint is not None else "config.json"
