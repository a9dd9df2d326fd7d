"""Each engine's table of options: complete, sourced, and what the engine really reads."""

import re

import click
import pytest

from fitcheck.answers.asked import Ask
from fitcheck.cli.options import workload_options
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Workload
from fitcheck.engines.llama_cpp.settings import Settings as LlamaCppSettings
from fitcheck.engines.vllm import settings as vllm_settings
from fitcheck.errors import BadInput, FitcheckError

# What says which question is asked, and not how an engine is started.
OURS = {"engine", "precisions", "quants", "context", "prompt", "batch"}


def typed() -> dict[str, click.Parameter]:
    """Our command line's options on a workload."""
    command = click.command()(workload_options(lambda: None))
    return {str(p.name): p for p in command.params}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_every_option_has_a_default_a_meaning_and_a_source(engine: object) -> None:
    """And stands in a table once."""
    options = engine.options  # type: ignore[attr-defined]
    names = [o.name for o in options]

    assert len(set(names)) == len(names)
    assert all(o.default and o.meaning and o.source for o in options)
    assert all(near in names for near in engine.instead.values())  # type: ignore[attr-defined]


def test_what_can_be_typed_is_in_some_engines_table_and_the_other_way_round() -> None:
    """Or nobody heeds it, or nobody can say it."""
    heeded = {o.name for e in ENGINES.values() for o in e.options if o.typed}

    assert set(typed()) - OURS == heeded - OURS


def test_help_says_no_defaults_of_engines() -> None:
    """The engines' tables do, once."""
    said = {name: p.help for name, p in typed().items() if isinstance(p, click.Option)}

    assert {n: h for n, h in said.items() if n not in OURS and re.search(r"\(\d+\)", h or "")} == {}


def test_vllms_table_is_what_its_settings_read() -> None:
    """A setting that is read and not told of would be a secret."""
    told = {o.name for o in ENGINES["vllm"].options}

    assert set(vllm_settings.Settings.__struct_fields__) <= told


def test_llama_cpps_defaults_in_the_table_are_those_it_takes() -> None:
    """Numbers of the table beside the record's."""
    told = {o.name: o.default for o in ENGINES["llama.cpp"].options}
    taken = LlamaCppSettings(context=4096)

    assert told["batch_size"] == str(taken.batch)
    assert told["ubatch"] == str(taken.ubatch)
    assert told["kv_cache"] == taken.cache_type_k.name
    assert told["parallel"] == str(taken.parallel)


REFUSED = [
    ("transformers", {"kv_cache": "q8_0"}),
    ("transformers", {"attention": "fast"}),
    ("transformers", {"settings": {"transformers": "new"}}),
    ("transformers", {"settings": {"padded": "perhaps"}}),
    ("llama.cpp", {"kv_cache": "fp8"}),
    ("llama.cpp", {"attention": "sdpa"}),
    ("llama.cpp", {"settings": {"n_gpu_layers": "most"}}),
    ("llama.cpp", {"settings": {"kv_unified": "1"}}),
    ("llama.cpp", {"parallel": 10_000}),
    ("vllm", {"kv_cache": "q8_0"}),
    ("vllm", {"attention": "eager"}),
    ("vllm", {"settings": {"block_size": "17"}}),
    ("vllm", {"settings": {"max_num_seqs": "64", "max_num_batched_tokens": "32"}}),
]


@pytest.mark.parametrize(("engine", "asked"), REFUSED, ids=str)
def test_a_value_that_means_nothing_is_refused_before_any_model(
    engine: str, asked: dict[str, object]
) -> None:
    """Whatever the model: so a table of all models is not three hundred rows of the same fault."""
    with pytest.raises(FitcheckError):
        ENGINES[engine].accepts(Workload(context=4096, prompt=4096, **asked))  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_said_is_always_accepted(engine: str) -> None:
    """A question without options has no wrong ones."""
    ENGINES[engine].accepts(Workload(context=4096, prompt=4096))

    assert Ask().engines_own == ()
    assert issubclass(BadInput, FitcheckError)
