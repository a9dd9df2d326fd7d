"""What the options' words name: the catalog, the machine, and what is kept on this computer."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fitcheck import kept, resolve
from fitcheck.answers.known import Known
from fitcheck.answers.select import Selection
from fitcheck.catalog import Catalog, kept_key, load_models
from fitcheck.cli.output import tell
from fitcheck.errors import BadInput, NoCard
from fitcheck.machine import Machine
from fitcheck.resolve import Subject

if TYPE_CHECKING:
    from fitcheck.answers.local import Stored
    from fitcheck.measure.records import Measured


def catalog(overlays: tuple[Path, ...]) -> Catalog:
    """The built-in catalog, what lies in the user's configuration folder, and what was named."""
    return load_models(_all(overlays), kept_in=cache_folder())


def selected(
    words: Sequence[str], overlays: tuple[Path, ...], asked: Selection
) -> tuple[Subject, ...]:
    """What was named, else what the filters take; on stderr, that they take nothing.

    Raises UnknownName, and BadInput where models are both named and filtered.
    """
    if words and asked != Selection():
        raise BadInput("filters narrow the whole catalog: name models, or filter")
    known = catalog(overlays)
    asked.check(known)
    found = resolve.selected(words, known, asked.takes)
    tell([] if found else ["no model of the catalog passes all of these filters"])
    return found


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
    if not (gpus or brought):
        return tuple(supposed(m, asked) for m in unasked(usual))
    return tuple(supposed(m, asked) for m in (*(named(word) for word in gpus), *brought))


def unasked(usual: Sequence[str]) -> tuple[Machine, ...]:
    """Machines that nobody typed, so that nothing is said of what their names may mean."""
    from fitcheck import cards

    return tuple(cards.machine(word) for word in usual)


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
    """The machine, with what was ambiguous in its name told on stderr. Raises NoCard."""
    if not found.cards:
        raise NoCard(f"{found.name} has no card that can be seen")
    tell(found.notes)
    return found


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
