"""The program that runs transformers, on stand-ins for torch and transformers.

With the real ones on a CPU (torch 2.13, transformers 5.23.0, 2026-11-21) 66 of the catalog's 102
model types were built, loaded and run by it; 16 more are not in transformers.
"""

# ruff: noqa: ANN401 (stand-ins for modules without types)
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from fitcheck.measure.programs import run_transformers as program
from fitcheck.measure.programs.run_transformers import Failure, Libraries
from fitcheck.sources.files import LocalFile
from fitcheck.sources.safetensors import read_header


class Weight:
    """As much of a tensor as is asked: type, shape, and where its bytes are."""

    def __init__(self, rows: int, columns: int, dtype: str = "torch.float16") -> None:
        self.dtype, self.shape = dtype, (rows, columns)
        self.store = SimpleNamespace(data_ptr=lambda: id(self), nbytes=lambda: rows * columns * 2)

    def numel(self) -> int:
        return self.shape[0] * self.shape[1]

    def element_size(self) -> int:
        return 2

    def untyped_storage(self) -> Any:
        return self.store

    def is_floating_point(self) -> bool:
        return True

    def dim(self) -> int:
        return 2

    def normal_(self, mean: float, spread: float) -> None:
        self.filled = (mean, spread)


class Cache:
    """A cache of two layers, whose values are a view of their keys' storage."""

    def __init__(self) -> None:
        self.layers = [SimpleNamespace(keys=Weight(4, 8)) for _ in range(2)]
        for layer in self.layers:
            layer.values = SimpleNamespace(untyped_storage=layer.keys.untyped_storage)


class Net:
    """A model with a tied head."""

    loaded: ClassVar[dict[str, Any]] = {}

    def __init__(self, config: Any) -> None:
        self.config = config
        self.embed = Weight(100, 16)

    def to(self, dtype: Any) -> "Net":
        return self

    def tie_weights(self) -> None:
        self.tied = True

    def state_dict(self, keep_vars: bool) -> dict[str, Any]:
        return {"embed.weight": self.embed, "lm_head.weight": self.embed, "extra": "no tensor"}

    @classmethod
    def from_pretrained(cls, folder: str, **options: Any) -> "Net":
        checkpoint = Path(folder) / program.CHECKPOINT
        cls.loaded = {**options, "size": checkpoint.stat().st_size}
        return cls(options["config"])

    def eval(self) -> None:
        self.training = False

    def named_parameters(self) -> list[tuple[str, Weight]]:
        return [("embed.weight", self.embed)]

    def get_input_embeddings(self) -> Any:
        return SimpleNamespace(weight=self.embed)

    def can_generate(self) -> bool:
        return True

    def generate(self, **inputs: Any) -> Any:
        self.asked = inputs
        if self.config.full:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return SimpleNamespace(past_key_values=Cache())

    def __call__(self, **inputs: Any) -> Any:
        return SimpleNamespace(logits=Weight(1, 1))


class Config(SimpleNamespace):
    """What AutoConfig makes of config.json's words."""

    def save_pretrained(self, folder: Path) -> None:
        (folder / "config.json").write_text("{}")


class AutoConfig:
    @staticmethod
    def for_model(model_type: str, **values: Any) -> Config:
        if model_type != "net":
            raise ValueError(f"Unrecognized model identifier: {model_type}")
        return Config(**{"full": False, **values})


TORCH = SimpleNamespace(
    __version__="2.13.0",
    version=SimpleNamespace(cuda="13.0"),
    float16="fp16",
    device=lambda name: nullcontext(),
    no_grad=nullcontext,
    tensor=lambda ids, device: ids,
    ones_like=lambda ids: [[1 for _ in row] for row in ids],
)
TRANSFORMERS = SimpleNamespace(
    __version__="5.23.0",
    AutoConfig=AutoConfig,
    AutoModelForCausalLM=SimpleNamespace(_model_mapping={Config: Net}),
    AutoModelForMaskedLM=SimpleNamespace(_model_mapping={Config: "masked"}),
    AutoModelForImageTextToText=SimpleNamespace(_model_mapping={Config: ("towers", "other")}),
    AutoModelForSeq2SeqLM=SimpleNamespace(_model_mapping={Config: "pair"}),
)
LIBS = Libraries(TORCH, TRANSFORMERS)
JOB: dict[str, Any] = {
    "config": {"model_type": "net"}, "dtype": "float16", "prompt": 5, "new_tokens": 3, "batch": 2,
    "device": "cuda:0", "attention": "sdpa", "bitsandbytes": None, "encoder": False,
}  # fmt: skip


class Meter:
    """A card whose memory grows with every question."""

    def __init__(self) -> None:
        self.live = [3200, 3208]

    def settle(self) -> None:
        self.settled = True

    def now(self) -> int:
        return self.live.pop(0)

    def peaks(self) -> dict[str, int]:
        return {"allocated": 4000, "reserved": 5000}

    def card(self) -> dict[str, Any]:
        return {"card": "A card", "capability": "8.0", "total": 9000, "used": 6000}


def test_a_run_tells_weights_cache_and_peak(tmp_path: Path) -> None:
    """The cache by its storage: values that are views of it count once."""
    found = program.measured(JOB, tmp_path, LIBS, Meter())

    assert found["weights"] == 3200
    assert found["kv_cache"] == 2 * 4 * 8 * 2
    assert found["kept"] == 8
    assert (found["allocated"], found["reserved"]) == (4000, 5000)


def test_the_librarys_own_loader_gets_a_checkpoint_and_it_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    """Placed and quantized as a real one would be."""
    program.measured(JOB, tmp_path, LIBS, Meter())

    assert Net.loaded["device_map"] == {"": "cuda:0"}
    assert Net.loaded["dtype"] == "fp16"
    assert Net.loaded["attn_implementation"] == "sdpa"
    assert Net.loaded["size"] > 100 * 16 * 2
    assert not (tmp_path / program.CHECKPOINT).exists()


def test_weights_become_random_in_place(tmp_path: Path) -> None:
    """A router of zeros would send every token to the same experts."""
    model = program.load(JOB, tmp_path, LIBS)

    assert model.embed.filled == (0.0, 0.02)


def test_tokens_are_random_and_whole_answers_are_asked_for(tmp_path: Path) -> None:
    """No token that stands for an image, no stop before the end."""
    model = program.load(JOB, tmp_path, LIBS)
    program.generate(JOB, model, TORCH)
    ids = model.asked["input_ids"]

    assert [len(row) for row in ids] == [5, 5]
    assert all(10 <= i < 100 for row in ids for i in row)
    assert (model.asked["min_new_tokens"], model.asked["max_new_tokens"]) == (3, 3)


def test_an_encoder_makes_one_pass() -> None:
    """BERT generates nothing."""
    output = program.generate({**JOB, "encoder": True}, Net(Config()), TORCH)

    assert program.cache_bytes(output) is None


def test_running_out_of_memory_says_where(tmp_path: Path) -> None:
    """And what the card held by then."""
    full = {**JOB, "config": {"model_type": "net", "full": True}}
    with pytest.raises(Failure) as caught:
        program.measured(full, tmp_path, LIBS, Meter())

    assert (caught.value.kind, str(caught.value)) == ("out of memory", "generating")
    assert caught.value.more["total"] == 9000


def test_the_checkpoint_is_a_hole_with_a_header(tmp_path: Path) -> None:
    """Tied tensors once; read back by the reader for files that people bring."""
    path = tmp_path / "model.safetensors"
    program.write_hollow(path, program.outline(Net(Config())))
    with LocalFile(path) as file:
        header = read_header(file)

    assert [(t.name, t.shape) for t in header.tensors] == [("embed.weight", (100, 16))]
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert path.stat().st_size == 8 + length + 100 * 16 * 2


def test_code_and_quantization_of_others_are_left_out() -> None:
    """`auto_map` would fetch code, `quantization_config` describes weights that are not there."""
    words = {"model_type": "net", "auto_map": {"A": "b"}, "quantization_config": {}, "x": 1}

    assert vars(program.configuration(words, TRANSFORMERS)) == {"full": False, "x": 1}


def test_a_model_that_is_not_in_transformers_is_named() -> None:
    """MOSS and others come with code of their own."""
    with pytest.raises(Failure, match=r"5\.23\.0 has no moss models; code from elsewhere"):
        program.configuration({"model_type": "moss"}, TRANSFORMERS)


@pytest.mark.parametrize(
    ("fields", "encoder", "cls"),
    [
        ({}, False, Net),
        ({}, True, "masked"),
        ({"is_encoder_decoder": True}, False, "pair"),
        ({"vision_config": {"depth": 2}}, False, "towers"),
        ({"architectures": ["Missing", "AutoConfig"]}, False, AutoConfig),
    ],
)
def test_the_class_is_found_by_name_then_by_kind(
    fields: dict[str, Any], encoder: bool, cls: object
) -> None:
    """The catalog's configurations name no class."""
    assert program.model_class(Config(**fields), TRANSFORMERS, encoder) is cls


def test_older_versions_are_asked_in_their_words() -> None:
    """transformers 4.56 renamed torch_dtype to dtype."""
    old = Libraries(TORCH, SimpleNamespace(__version__="4.55.4"))

    assert program.loading_options(JOB, old)["torch_dtype"] == "fp16"
    assert "torch_dtype" not in program.loading_options(JOB, LIBS)


def test_bitsandbytes_is_asked_to_quantize(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words, computing in the model's type."""
    monkeypatch.setitem(sys.modules, "bitsandbytes", SimpleNamespace())
    libs = Libraries(TORCH, SimpleNamespace(__version__="5.0.0", BitsAndBytesConfig=dict))
    job = {**JOB, "bitsandbytes": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}

    assert program.loading_options(job, libs)["quantization_config"] == {
        "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": "fp16",
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Python that lacks it: there may be several."""
    monkeypatch.setitem(sys.modules, "torch", TORCH)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(Failure, match=f"cannot import {missing}") as caught:
        program.libraries()

    assert sys.executable in str(caught.value)


def test_a_torch_for_the_cpu_says_so() -> None:
    """The most usual reason on a machine that has a card."""
    cpu = SimpleNamespace(
        __version__="2.13.0+cpu",
        version=SimpleNamespace(cuda=None),
        cuda=SimpleNamespace(is_available=lambda: False),
    )
    with pytest.raises(Failure, match=r"2\.13\.0\+cpu cannot use a card: it is built for the CPU"):
        program.cuda_meter(cpu, "cuda:0")


def test_an_answer_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happened, as JSON beside the job."""
    monkeypatch.setitem(sys.modules, "torch", None)
    job = tmp_path / "job.json"
    job.write_text(json.dumps(JOB))
    program.main([str(job)])

    found = json.loads((tmp_path / "result.json").read_text())
    assert found["failure"] == "missing"


def test_what_a_library_raises_is_told_by_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is no traceback."""

    def broken() -> Libraries:
        raise TypeError("no such argument\nand a page of advice")

    monkeypatch.setattr(program, "libraries", broken)

    assert program.answer(JOB, tmp_path) == {
        "failure": "refused", "message": "TypeError: no such argument",
    }  # fmt: skip


def test_the_program_needs_nothing_of_fitcheck() -> None:
    """It runs under whichever Python has torch."""
    assert "import fitcheck" not in Path(program.__file__).read_text()
    assert "from fitcheck" not in Path(program.__file__).read_text()
