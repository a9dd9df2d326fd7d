"""The names that other programs may rely on: one call for what one command answers.

    >>> from fitcheck import api
    >>> answer = api.check("llama-7b", gpu="3090", precisions=("int4",))
    >>> answer.exit_code
    0
    >>> answer.rows[0].estimates[0].fit.verdict
    'fits'

Options are `Ask`'s fields: `engine`, `precisions`, `quants`, `context`, `prompt`, `batch`,
`kv_cache`, `attention`, `ubatch`, `parallel`, `gpu_memory_utilization`, `settings`, `strict`, ...
Sizes are whole bytes. What is wrong with a question is raised as a FitcheckError.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitcheck import cards, resolve
from fitcheck import catalog as catalogs
from fitcheck.answers import check as checking
from fitcheck.answers import compare as comparing
from fitcheck.answers import estimate as estimating
from fitcheck.answers import local as locally
from fitcheck.answers import plan as planning
from fitcheck.answers import show as showing
from fitcheck.answers.asked import Ask, engine_named
from fitcheck.answers.check import CheckAnswer
from fitcheck.answers.compare import CompareAnswer
from fitcheck.answers.estimate import Estimate
from fitcheck.answers.local import Stored
from fitcheck.answers.plan import PlanAnswer
from fitcheck.answers.show import ShowAnswer
from fitcheck.catalog import Catalog
from fitcheck.engines.option import Option
from fitcheck.errors import FitcheckError
from fitcheck.fit import Fit
from fitcheck.machine import Card, Machine
from fitcheck.sources import local

__all__ = [
    "Ask",
    "Card",
    "Catalog",
    "CheckAnswer",
    "CompareAnswer",
    "Estimate",
    "Fit",
    "FitcheckError",
    "Machine",
    "Option",
    "PlanAnswer",
    "ShowAnswer",
    "Stored",
    "catalog",
    "check",
    "compare",
    "described",
    "detect",
    "estimate",
    "machine",
    "options",
    "plan",
    "show",
    "stored",
]


def catalog(*overlays: Path) -> Catalog:
    """The built-in catalog with these files laid over it."""
    return catalogs.load_models(overlays)


def machine(words: str) -> Machine:
    """The machine that the words name: `3090`, `2x3090`, `6GB`, `detected`."""
    return cards.machine(words)


def described(source: Path | str) -> Machine:
    """The machine that a tool's output or a profile describes: a file, or its text."""
    return cards.read_capture(source, one_program=True)


def _meant(gpu: str | Machine) -> Machine:
    return gpu if isinstance(gpu, Machine) else machine(gpu)


def detect() -> Machine:
    """This machine, with why something was not seen; `cards` is empty where there is none."""
    return cards.detected()


def estimate(model: str, *, of: Catalog | None = None, **options: Any) -> tuple[Estimate, ...]:  # noqa: ANN401
    """Memory alone: one estimate for each scheme asked for."""
    subject = resolve.subject(model, of or catalog())
    return estimating.estimate(subject, Ask(**options))


def check(
    *models: str,
    gpu: str | Machine = "detected",
    of: Catalog | None = None,
    **options: Any,  # noqa: ANN401
) -> CheckAnswer:
    """Whether these models run there, or what of the whole catalog does."""
    found = resolve.selected(models, of or catalog(), lambda subject: True)
    named = bool(models)
    return checking.check(
        found, _meant(gpu), Ask(**options), named=named, solve="all" if named else "batch"
    )


def compare(
    *models: str,
    gpus: Sequence[str | Machine],
    of: Catalog | None = None,
    **options: Any,  # noqa: ANN401
) -> CompareAnswer:
    """The same models on several machines."""
    found = resolve.selected(models, of or catalog(), lambda subject: True)
    machines = tuple(_meant(gpu) for gpu in gpus)
    return comparing.compare(found, machines, Ask(**options), named=bool(models))


def plan(
    model: str,
    *,
    gpus: Sequence[str | Machine],
    of: Catalog | None = None,
    **options: Any,  # noqa: ANN401
) -> PlanAnswer:
    """Which of these cards, and how many of them, run the model."""
    subject = resolve.subject(model, of or catalog())
    return planning.plan(subject, tuple(_meant(gpu) for gpu in gpus), Ask(**options))


def show(model: str, *, of: Catalog | None = None) -> ShowAnswer:
    """One model's facts, parts, and the publisher's claims beside ours."""
    return showing.show(resolve.subject(model, of or catalog()), machine)


def options(engine: str) -> tuple[Option, ...]:
    """What an engine can be told, and what it takes where nothing is said."""
    return engine_named(engine).options


def stored() -> tuple[Stored, ...]:
    """The models that other programs have put on this machine; names can be asked about."""
    return locally.stored(local.here())
