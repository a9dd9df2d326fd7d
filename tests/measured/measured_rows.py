"""One measured figure beside ours, and the models that the tables are about."""

import csv
import json
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from fitcheck.architecture import Model, from_config
from fitcheck.catalog import Catalog, load_models
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Loaded, Memory, Range, Workload
from fitcheck.quantization import scheme

GOLDEN: Final = Path(__file__).parents[1] / "golden"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure is of, for other programs to answer: `model` as the table names it."""

    model: str
    scheme: str
    context: int
    batch: int = 1


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure beside ours, in bytes.

    `measured` has two readings where the source does not tell GiB from GB. `total` is the stated
    range, for what a whole run takes. `unseen` is what the run holds besides and the meter does
    not see, as we count it; `cards` those that the run was divided over. `aside` says why the row
    proves nothing, `note` why it may be off. `asked` is told where other programs can be asked too:
    of whole runs on one card whose attention is the usual one.
    """

    table: str
    engine: str
    name: str
    ours: int
    measured: tuple[int, ...]
    total: Range | None = None
    unseen: int = 0
    cards: int = 1
    aside: str = ""
    note: str = ""
    asked: Asked | None = None

    @property
    def error(self) -> float:
        """Ours against the nearer reading: 0.01 is one per cent too much."""
        return min((self.ours / m - 1 for m in self.measured), key=abs)

    @property
    def inside(self) -> bool | None:
        """Whether a reading is in the stated range; None where no range is stated."""
        if self.total is None:
            return None
        return any(self.total.low <= m <= self.total.high for m in self.measured)

    @property
    def takes(self) -> int:
        """What a card must have for the run, at the least."""
        return min(self.measured) + self.unseen

    @property
    def width(self) -> float:
        """How wide the stated range is, against what is expected; 0 where none is stated."""
        if self.total is None:
            return 0.0
        return (self.total.high - self.total.low) / self.total.expected

    def contradicts(self, usable: tuple[int, ...]) -> int | None:
        """A card of which we say `fits` (even the upper end) and on which the run does not go."""
        if self.total is None:
            return None
        high = self.total.high
        return next((u for u in usable if high <= u * self.cards < self.takes), None)


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """A table's rows."""
    with (GOLDEN / name).open(newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def catalog() -> Catalog:
    """The built-in one."""
    return load_models()


@cache
def configs() -> dict[str, dict[str, Any]]:
    """Configurations by short name and by the hub's name; those with a `quantization_config` less
    it, since the tables are about schemes of their own."""
    found: dict[str, dict[str, Any]] = {}
    for name, key in (
        ("llamacpp_buffers_models.jsonl", "model"),
        ("params.jsonl", "hf_id"),
        ("llamacpp_models.jsonl", "model"),
    ):
        lines = map(json.loads, (GOLDEN / name).read_text().splitlines())
        found |= {line[key]: line["config"] for line in lines if "config" in line}
    for name in ("transformers_qwen.json", "transformers_models.json"):
        found |= json.loads((GOLDEN / name).read_text())
    return found


@cache
def model(name: str, *, plain: bool = False) -> Model:
    """A model by the name of a table; `plain` as if it were published in 16 bits."""
    config = configs()[name]
    return from_config(without_quantization(config) if plain else config, name)


@cache
def known(name: str) -> Model:
    """A model as fitcheck names it, else by the hub's name."""
    entry = catalog().find(name)
    found = None if entry is None else catalog().model(entry)
    return model(name) if found is None else found


def without_quantization(config: dict[str, Any]) -> dict[str, Any]:
    """As if the model were published in 16 bits."""
    found = {k: v for k, v in config.items() if k != "quantization_config"}
    if isinstance(found.get("text_config"), dict):
        found["text_config"] = without_quantization(found["text_config"])
    return found


@cache
def loaded(engine: str, name: str, packing: str) -> Loaded:
    """A model of a table under a scheme in an engine."""
    return ENGINES[engine].load(model(name), scheme(packing))


def seen(memory: Memory) -> int:
    """What an allocator's own count shows: all on the card but what the process takes besides."""
    return sum(t.size for t in memory.terms if t.component not in ("overhead", "host"))


def memory_of(held: Loaded, workload: Workload, cards: int = 1) -> Memory:
    """A workload as the engine settles it."""
    return held.memory(held.settle(workload), cards)


def part(what: str, engine: str, row: dict[str, str], ours: int, measured: int) -> Figure:
    """A component, which no range is stated of."""
    return Figure(
        table=f"{engine}: {what}",
        engine=engine,
        name=" ".join(v for v in islice(row.values(), 4) if v),
        ours=ours,
        measured=(measured,),
    )
