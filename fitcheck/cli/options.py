"""Options that commands share, and the questions that they become."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from fitcheck.answers.asked import Ask
from fitcheck.answers.select import Selection
from fitcheck.cli.params import Count, Finite, Size, Tokens
from fitcheck.errors import BadInput
from fitcheck.render import FORMS

F = TypeVar("F", bound=Callable[..., Any])


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
    "kv-cache-memory-bytes": "vLLM: the cache's size on each card, 8GiB.",
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
    "disable-hybrid-kv-cache-manager": "vLLM: sliding layers keep everything.",
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
    """The question's options as a record; options of other concerns are left out.

    Raises BadInput where precision and scheme are both named.
    """
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
    return Selection(
        **{name: options.pop(name) for name in Selection.__struct_fields__ if name in options}
    )


def refuse_filters(asked: Selection) -> None:
    """Raises BadInput: a stored model has no entry that says its family or licence."""
    if asked != Selection():
        raise BadInput("--local lists what is stored here; filters are for the catalog")
