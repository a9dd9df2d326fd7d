"""What is asked of a run, and what a run told."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from fitcheck.errors import FitcheckError
from fitcheck.units import Bytes

SCHEMA: Final = "fitcheck.measured/1"
# A model was run, was only loaded, or somebody's log was read.
How = Literal["run", "loaded", "log"]


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The card of a run: `architecture` is NVIDIA's compute capability or a maker's own word."""

    card: str = ""
    architecture: str = ""
    driver: str = ""
    total: Bytes | None = None


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine says of its own memory on the card, None where it says nothing.

    `kv_cache` holds recurrent state too where the engine keeps both as one; `activations` is the
    scratch beside weights and cache at the peak; `allocated` all that the engine counted at its
    peak, `reserved` what it had from the driver for that; `host` is in RAM.
    """

    weights: Bytes | None = None
    kv_cache: Bytes | None = None
    recurrent_state: Bytes | None = None
    activations: Bytes | None = None
    allocated: Bytes | None = None
    reserved: Bytes | None = None
    host: Bytes | None = None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One run: its parts, and `process`, all that the driver counts for it (None: not known).

    `engine` is set where a log says whose it is.

    `tokens` is how many tokens `kv_cache` has room for, where that is not what was asked for
    (vLLM); `started` what llama.cpp says that it was started with (`n_ctx`, `n_seq_max`,
    `n_outputs_max`), in its words. `ran_out` says where memory ended, empty where it did not;
    `told` what the driver's figure rests on.
    """

    parts: Parts
    how: How
    engine: str = ""
    machine: Machine = Machine()
    process: Bytes | None = None
    versions: Mapping[str, str] = msgspec.field(default_factory=dict)
    tokens: int | None = None
    started: Mapping[str, str] = msgspec.field(default_factory=dict)
    ran_out: str = ""
    told: str = ""
    notes: tuple[str, ...] = ()


class TransformersJob(msgspec.Struct, frozen=True, kw_only=True):
    """A model to be built of random numbers: config.json's words, and how it is loaded and run."""

    config: Mapping[str, Any]
    dtype: str
    prompt: int
    new_tokens: int
    batch: int
    attention: str | None = None
    bitsandbytes: Mapping[str, Any] | None = None
    encoder: bool = False
    device: str = "cuda:0"


class LlamaCppJob(msgspec.Struct, frozen=True, kw_only=True):
    """A GGUF file to be run with llama.cpp's settings."""

    file: str
    context: int
    prompt: int
    parallel: int = 1
    ubatch: int = 512
    kv_cache: str = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    gpu_layers: int = 999


class NoFigure(FitcheckError):
    """The engine could not be run, or told nothing that can be read."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is kept: a reading, what was asked for, and when it was taken.

    `fingerprint` stands for the model's tensors; `workload` is the settled one, field by field;
    `runs` what each of several runs took, by `figure`'s measure: `process` (all that the driver
    counts) or `allocated` (what the engine counts). `when` is a date (`2026-11-21`).
    """

    model: str
    fingerprint: str
    engine: str
    scheme: str
    workload: Mapping[str, Any]
    reading: Reading
    figure: Literal["process", "allocated"]
    runs: tuple[Bytes, ...]
    when: str
    schema: str = SCHEMA

    @property
    def size(self) -> Bytes:
        """The most of all runs."""
        return max(self.runs)

    @property
    def spread(self) -> Bytes:
        """How far runs lie apart."""
        return Bytes(max(self.runs) - min(self.runs))
