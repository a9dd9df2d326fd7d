"""Options that commands share, and what their words become."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from fitcheck import kept
from fitcheck.answers.asked import Ask
from fitcheck.answers.known import Known
from fitcheck.answers.select import Selection
from fitcheck.catalog import Catalog, kept_key, load_models
from fitcheck.errors import BadInput, NoCard, printable
from fitcheck.machine import Machine
from fitcheck.render import FORMS, Form, text
from fitcheck.render.grid import Grid, Object
from fitcheck.units import Bytes, parse_size

if TYPE_CHECKING:
    from fitcheck.answers.local import Stored
    from fitcheck.measure.records import Measured

F = TypeVar("F", bound=Callable[..., Any])


class Tokens(click.ParamType[int]):
    """`4096`, `8k`, `128k`, `1M`: a count of tokens."""

    name = "tokens"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  (click's signature)
        """Whole and at least 1, thousands of 1024."""
        word = str(value).strip().lower().replace("_", "").replace(",", "")
        factor = {"k": 1 << 10, "m": 1 << 20}.get(word[-1:], 1)
        digits = word[:-1] if factor > 1 else word
        if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) * factor < 1 << 40:
            self.fail(f"'{value}' is no number of tokens (4096, 8k, 128k)", param, ctx)
        return int(digits) * factor


class Finite(click.FloatRange):
    """A number in a range, which click lets `nan` be: neither too small nor too large."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:  # noqa: ANN401  (click's signature)
        """As FloatRange; no `nan` and no `inf`."""
        from math import isfinite

        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"'{value}' is no number", param, ctx)
        return number


class Size(click.ParamType[Bytes]):
    """`64GB`, `32GiB`: an amount of memory."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> Bytes:  # noqa: ANN401  (click's signature)
        """As a card's box or a memory module says it."""
        size = parse_size(str(value))
        if size is None or size <= 0:
            self.fail(f"'{value}' is no amount of memory (64GB, 32GiB)", param, ctx)
        return size


def many(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several option decorators as one, in the order that help shows them."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


# What one engine alone is asked for, under its own names; the engine reads and refuses them, and
# `fitcheck engines NAME` says its defaults.
_ENGINES_OWN: Final = {
    "n-gpu-layers": "llama.cpp: layers on the card, a number or all.",
    "split-mode": "llama.cpp: layer, or none for one card alone.",
    "tensor-split": "llama.cpp: proportions of the layers on each card: 3,1.",
    "main-gpu": "llama.cpp: the card that split mode none takes, from 0.",
    "n-cpu-moe": "llama.cpp: layers whose experts stay in RAM, a number or all.",
    "cache-type-k": "llama.cpp: type of the keys alone.",
    "cache-type-v": "llama.cpp: type of the values alone.",
    "batch-size": "llama.cpp: logical batch.",
    "max-num-seqs": "vLLM: sequences that it may run at once.",
    "max-num-batched-tokens": "vLLM: tokens that it computes at once.",
    "block-size": "vLLM: tokens of a block of the cache.",
    "tensor-parallel-size": "vLLM: cards that each tensor is divided over.",
    "pipeline-parallel-size": "vLLM: stages that layers are divided into.",
    "data-parallel-size": "vLLM: replicas.",
    "transformers": "transformers: the version, where it is an older one (4.38).",
}
_SWITCHES: Final = {
    "enable-expert-parallel": "vLLM: each rank has some experts whole.",
    "kv-unified": "llama.cpp: one cache for all slots.",
    "swa-full": "llama.cpp: sliding layers keep everything.",
    "mmproj": "llama.cpp: count the projector for images or sound.",
    "enforce-eager": "vLLM: no CUDA graphs.",
}

workload_options = many(
    click.option(
        "--engine",
        help="transformers (default), llama.cpp, vllm, ...; `fitcheck engines NAME`: its options.",
    ),
    click.option(
        "--precision",
        "precisions",
        multiple=True,
        type=click.Choice(("fp16", "int8", "int4"), case_sensitive=False),
        help="A column: what the engine runs at that precision. Repeatable.",
    ),
    click.option(
        "--quant", "quants", multiple=True, help="An exact scheme: q4_k_m, bnb-nf4, gptq-int4, ..."
    ),
    click.option("--context", type=Tokens(), help="Tokens of one sequence, prompt and answer."),
    click.option("--prompt", type=Tokens(), help="How many of them arrive at once (all)."),
    click.option("--batch", type=click.IntRange(1, 1 << 20), default=1, help="Sequences at once."),
    click.option("--kv-cache", help="Type of the KV cache: fp16, fp8, q8_0, q4_0, ..."),
    click.option("--attention", type=click.Choice(("auto", "flash", "sdpa", "eager"))),
    click.option("--ubatch", type=click.IntRange(1, 1 << 20), help="llama.cpp: micro-batch."),
    click.option("--parallel", type=click.IntRange(1, 1 << 16), help="llama.cpp: slots."),
    click.option(
        "--gpu-memory-utilization",
        type=Finite(0, 1, min_open=True),
        help="vLLM: its share of the card, 0 to 1.",
    ),
    click.option("--imatrix", is_flag=True, help="llama.cpp: quantized with an importance matrix."),
    *(click.option(f"--{name}", help=text) for name, text in _ENGINES_OWN.items()),
    *(
        click.option(f"--{name}", is_flag=True, default=None, help=text)
        for name, text in _SWITCHES.items()
    ),
)

form_options = many(
    click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True),
    click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
)

catalog_option = click.option(
    "--catalog",
    "overlays",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Lay this catalog over the built-in one. Repeatable.",
)

local_option = click.option(
    "--local",
    "on_this_machine",
    is_flag=True,
    help="What is on this machine: Hugging Face's cache, Ollama's, LM Studio's, llama.cpp's.",
)

gpu_option = click.option(
    "--gpu",
    "gpus",
    multiple=True,
    help="3090, 6GB, a100-80gb, 2x3090, '3090,4090', detected. Default: the card in this machine.",
)

machine_option = click.option(
    "--machine",
    "described",
    type=click.Path(path_type=Path),
    help="A file (- is stdin) with what nvidia-smi, rocm-smi, `fitcheck detect --json`, ... printed"
    " on another machine, or a profile of it in YAML.",
)

ram_option = click.option(
    "--ram",
    type=Size(),
    help="RAM beside the card: 64GB, of which 2 are the system's. Default: as detected.",
)

supposed_options = many(
    click.option("--reserve", type=Size(), help="Of each card, kept free for others: 1GB."),
    click.option("--assume-empty", is_flag=True, help="As if nothing else ran on the cards."),
)

nodes_option = click.option(
    "--nodes",
    type=click.IntRange(1, 128),
    default=1,
    help="vLLM: so many machines with these cards; 2x8xh100 says the same.",
)

card_options = many(gpu_option, machine_option, nodes_option, supposed_options)


def ask(**options: Any) -> Ask:  # noqa: ANN401  (what click collected)
    """The question's options as a record; options of other concerns are left out."""
    given = {name: options[name] for name in Ask.__struct_fields__ if name in options}
    if given.get("precisions") and given.get("quants"):
        raise BadInput("--precision and --quant both name a scheme: give one of them")
    return Ask(**given, settings=dict(_settings(options)))


def _settings(options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for option in _ENGINES_OWN:
        name = option.replace("-", "_")
        if options.get(name) is not None:
            yield name, str(options[name])
    for option in _SWITCHES:
        name = option.replace("-", "_")
        if options.get(name):
            yield name, "on"


def catalog(overlays: tuple[Path, ...]) -> Catalog:
    """The built-in catalog, what lies in the user's configuration folder, and what was named."""
    return load_models(_all(overlays), kept_in=cache_folder())


def _all(overlays: tuple[Path, ...]) -> tuple[Path, ...]:
    own = Path(click.get_app_dir("fitcheck")) / "models.yaml"
    return ((own,) if own.is_file() else ()) + overlays


@contextmanager
def known_totals(overlays: tuple[Path, ...], *, wanted: bool) -> Iterator[Known | None]:
    """Totals that the run before has worked out; kept again with what this one adds."""
    if not wanted:
        yield None
        return
    path = cache_folder() / "totals.msgpack"
    key = kept_key(_all(overlays))
    known = kept.read(path, key, Known) or Known()
    known.fresh = False
    yield known
    if known.fresh:
        kept.write(path, key, known)


def cache_folder() -> Path:
    """Where programs of this system keep what they can make again."""
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or kept.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        root = kept.home() / "Library" / "Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or kept.home() / ".cache"
    return Path(root) / "fitcheck"


def measured_file() -> Path:
    """Where `measure --save` keeps its rows."""
    return Path(click.get_app_dir("fitcheck")) / "measured.jsonl"


def measured() -> "tuple[Measured, ...]":
    """The rows that were measured on this machine; what is wrong with their file goes to stderr."""
    if not measured_file().exists():
        return ()
    from fitcheck.measure import rows

    found, warning = rows.read(measured_file())
    tell([warning] if warning else [])
    return found


def machine(
    gpus: tuple[str, ...],
    described: Path | None = None,
    asked: dict[str, Any] | None = None,
) -> Machine:
    """The machine that was named or described, or this one; as `asked` supposes it to be.

    Raises NoCard, UnknownName, BadInput.
    """
    return supposed(_machine(gpus, described), asked or {})


def machines(
    gpus: tuple[str, ...], described: Path | None, usual: Sequence[str], asked: dict[str, Any]
) -> tuple[Machine, ...]:
    """Those named and the one described, else the usual ones; as `asked` supposes them to be.

    Raises NoCard, UnknownName, BadInput.
    """
    brought = () if described is None else (told(from_file(described)),)
    words = gpus or (() if brought else usual)
    return tuple(supposed(m, asked) for m in (*(named(word) for word in words), *brought))


def supposed(found: Machine, asked: dict[str, Any]) -> Machine:
    """The machine as --assume-empty and --reserve have it. Raises BadInput."""
    if not (asked.get("assume_empty") or asked.get("reserve")):
        return found
    from fitcheck.cards import supposed

    said = found.notes
    found = supposed.emptied(found) if asked.get("assume_empty") else found
    tell(found.notes[len(said) :])
    return supposed.keeping(found, asked["reserve"]) if asked.get("reserve") else found


def from_file(path: Path, *, one_program: bool = True) -> Machine:
    """The machine that a file, or `-` for stdin, describes. Raises BadInput."""
    from fitcheck import cards

    if str(path) != "-":
        return cards.read_capture(path, one_program=one_program)
    text = cards.decoded(sys.stdin.buffer.read(cards.LARGEST_CAPTURE + 1), "standard input")
    return cards.read_capture(text, "standard input", one_program=one_program)


def _machine(gpus: tuple[str, ...], described: Path | None) -> Machine:
    if described is not None and not gpus:
        return told(from_file(described))
    if described is not None:
        raise BadInput("--gpu and --machine both name a machine: give one of them")
    if len(gpus) > 1:
        both = ",".join(gpus)
        raise BadInput(
            f"several --gpu: `--gpu {both}` is one machine with all of them, "
            "`fitcheck compare` puts machines side by side"
        )
    return named(gpus[0] if gpus else "detected")


def named(word: str) -> Machine:
    """The machine of that name. Raises NoCard, UnknownName, BadInput."""
    from fitcheck import cards

    return told(cards.machine(word))


def told(found: Machine) -> Machine:
    """The machine, with what was ambiguous in its name told on stderr."""
    if not found.cards:
        raise NoCard(f"{found.name} has no card that can be seen")
    tell(found.notes)
    return found


def width() -> int:
    """Columns of the terminal; COLUMNS counts, and 80 where nothing is known."""
    from shutil import get_terminal_size

    return get_terminal_size((80, 24)).columns


def colour() -> bool:
    """Only on a terminal, and never against NO_COLOR (no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


class Count(click.ParamType[int]):
    """`7B`, `117M`, `500000`: a number of parameters."""

    name = "count"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  (click's signature)
        """Billions and millions of 10^9 and 10^6."""
        word = str(value).strip().lower()
        factor = {"b": 10**9, "m": 10**6, "k": 10**3, "t": 10**12}.get(word[-1:], 1)
        try:
            number = float(word[:-1] if factor > 1 else word) * factor
        except ValueError:
            number = -1
        if not 0 < number < 1e16:
            self.fail(f"'{value}' is no number of parameters (7B, 500M)", param, ctx)
        return round(number)


selection_options = many(
    click.option("--family", help="Only this family: llama, qwen, ..."),
    click.option("--language", help="Only models that speak it: zh, en, de, ..."),
    click.option("--licence", "--license", "licence", help="Only licences that contain this text."),
    click.option("--modality", help="text, image, audio, image-text, ..."),
    click.option("--max-params", type=Count(), help="At most so many parameters: 8B."),
    click.option("--min-params", type=Count(), help="At least so many parameters."),
)


def selection(options: dict[str, Any]) -> Selection:
    """The filters among a command's options, taken out of them."""
    return Selection(**{name: options.pop(name) for name in Selection.__struct_fields__})


def refuse_filters(asked: Selection) -> None:
    """Raises BadInput: a stored model has no entry that says its family or licence."""
    if asked != Selection():
        raise BadInput("--local lists what is stored here; filters are for the catalog")


def stored() -> "tuple[Stored, ...]":
    """The models on this machine; on stderr, what cannot be read, and where was nothing."""
    from fitcheck.answers import local as answers
    from fitcheck.sources import local

    found = answers.stored(local.here())
    tell(f"{s.found.name or s.found.path} ({s.found.store}): {s.why}" for s in found if s.why)
    if not found:
        looked = local.places(os.environ, kept.home()).values()
        folders = ", ".join(dict.fromkeys(str(place) for places in looked for place in places))
        tell([f"no models on this machine; looked in {folders}"])
    return found


def answer(
    form: Form,
    as_json: bool,
    *,
    grid: Callable[[], Grid] = Grid,
    whole: Callable[[], object],
    rows: Callable[[], Sequence[Object]],
) -> None:
    """Print an answer in the form asked for."""
    said = text(
        "json" if as_json else form,
        grid=grid,
        whole=whole,
        rows=rows,
        width=width(),
        colour=colour(),
    )
    click.echo(_sayable(said, as_json or form == "json"), nl=False, color=True)


def _sayable(said: str, as_json: bool) -> str:
    """The text, without what stdout has no letters for: JSON's own escapes, or question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        said.encode(encoding)
    except UnicodeEncodeError:
        if not as_json:
            return said.encode(encoding, "replace").decode(encoding)
        from json import dumps

        return "".join(c if c.isascii() else dumps(c)[1:-1] for c in said)
    return said


def tell(notes: Iterable[str]) -> None:
    """Say on stderr what a reader of stdout should not have to skip."""
    for note in dict.fromkeys(notes):
        click.echo(f"fitcheck: {printable(note)}", err=True)
