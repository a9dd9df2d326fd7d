"""What vLLM printed of itself in public logs: tests/golden/vllm_logs.md says what it is."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec
from measured_rows import Figure, known, rows
from measured_vllm import tokens

from fitcheck.engines.base import Memory, Range, Workload
from fitcheck.engines.vllm import VLLM, cache, parallel, profile, settings
from fitcheck.engines.vllm.groups import Pool
from fitcheck.engines.vllm.loaded import VllmModel
from fitcheck.quantization import scheme
from fitcheck.units import GIB, Bytes

# Bytes of each logit: torch's own sort, up to about 0.13 and wherever FlashInfer is not; its
# kernels; one pass without options, as the newer runner did before 0.33. The first is what 1.40 and
# 5.58 GiB of 256 and 1024 sequences over 151,936 tokens come to.
SAMPLERS: Final = {"sorted": 38.5, "flashinfer": 14.0, "greedy": 6.0}
OLDER: Final = "that version sampled or counted states in another way"
TABLES: Final = "rotary tables"


class Log:
    """One start of vLLM: what it was told, and what it printed, in bytes."""

    def __init__(self, row: dict[str, str]) -> None:
        self.row = row
        self.name = f"{row['id']}: {row['note'] or row['version']}"
        self.cards = int(row["cards"])

    def size(self, column: str) -> int | None:
        """A printed size."""
        return round(float(self.row[column]) * GIB) if self.row[column] else None

    @property
    def told(self) -> bool:
        """Whether it says all that the profiling run depends on."""
        return bool(self.row["model"] and self.row["tokens"] and self.row["sampler"])

    @cached_property
    def held(self) -> VllmModel:
        """The model that was started."""
        return VLLM.load(known(self.row["model"]), scheme(self.row["scheme"]))

    @cached_property
    def workload(self) -> Workload:
        """What was asked for, as fitcheck is told it."""
        names = {"tokens": "max_num_batched_tokens", "sequences": "max_num_seqs"}
        given = {name: self.row[key] for key, name in names.items() if self.row[key]}
        if self.row["eager"]:
            given["enforce_eager"] = "true"
        context = int(self.row["context"])
        asked = Workload(context=context, prompt=context, settings=given)
        return self.held.settle(asked)

    @cached_property
    def memory(self) -> Memory:
        """Ours, over all cards."""
        return self.held.memory(self.workload, self.cards)

    def ours(self, component: str) -> int:
        """A component of ours on each card."""
        return sum(t.size for t in self.memory.terms if t.component == component) // self.cards

    @property
    def loaded(self) -> int:
        """What loading takes of each card by our count: weights, and tables that are made then."""
        tables = sum(t.size for t in self.memory.terms if t.name == TABLES) // self.cards
        return self.ours("weights") + tables

    @property
    def consumed(self) -> int | None:
        """Weights and what is not torch's, as the version tells them."""
        weights, other = self.size("weights"), self.size("non_torch")
        if self.row["consumed"]:
            return self.size("consumed")
        return None if weights is None or other is None else weights + other

    @property
    def graphs(self) -> int | None:
        """CUDA graphs as captured, else as estimated: 0.33 estimates nearly what it captures."""
        taken = self.size("graphs")
        return taken if taken is not None and taken > 0 else self.size("graphs_estimated")

    @property
    def without_cache(self) -> int | None:
        """All that was printed but the cache."""
        parts = (self.consumed, self.size("activations"))
        graphs = 0 if self.row["eager"] else self.graphs
        if graphs is None or None in parts:
            return None
        return sum(p for p in parts if p is not None) + graphs

    @property
    def kernels(self) -> int | None:
        """What is not torch's, less the sampler's counters that newer versions count with it."""
        other, consumed, weights = map(self.size, ("non_torch", "consumed", "weights"))
        if other is not None or consumed is None or weights is None:
            return other
        return consumed - weights - (self._counters() if self.told else 0)

    def _counters(self) -> int:
        named = "counters for sampling penalties"
        return sum(t.size for t in self.memory.terms if t.name == named) // self.cards

    @property
    def profiled(self) -> float:
        """The profiling run's peak by our rule, with that version's sampler."""
        tokens, sequences = int(self.row["tokens"]), int(self.row["sequences"])
        model, over = self.held.model, parallel.parallel(settings.Settings(), self.cards)
        widths = profile.widths(model, over)
        step = profile.Step(tokens, sequences)
        forward = next(profile.terms(model, widths, step, 1)).size
        logits = SAMPLERS[self.row["sampler"]] * sequences * model.vocab_size
        own = tokens * (widths.block + profile.RESIDUALS * widths.hidden_size) * 2
        workspace = sum(t.size for t in profile.terms(model, widths, step, 1)) - forward
        return max(own + workspace, tokens * widths.hidden_size * 2 + logits)

    @property
    def as_sampled_now(self) -> bool:
        """Whether that version's sampler did not decide the peak otherwise than ours."""
        ours = self.ours("activations")
        return self.told and abs(self.profiled - ours) < ours / 20

    def pool(self) -> Pool:
        """The blocks as that version had them: two of states, where 0.33 has three."""
        pool = self.held.pool(self.workload, self.cards)
        groups = tuple(
            msgspec.structs.replace(
                g, pages=msgspec.structs.replace(g.pages, state_blocks=min(2, g.pages.state_blocks))
            )
            for g in pool.groups
        )
        return msgspec.structs.replace(pool, groups=groups)

    def tokens_then(self, steps: int = 2) -> int:
        """What its pool held with two blocks of states, and so many steps on their way."""
        asked = cache.Asked(
            batch=1,
            context=self.workload.context,
            tokens=int(self.row["tokens"] or 2048),
            sequences=int(self.row["sequences"] or 256),
            steps=steps,
        )
        return cache.capacity(self.pool(), Bytes(self.size("available") or 0), asked).tokens


def logs() -> Iterator[Log]:
    """Every start."""
    return (Log(row) for row in rows("vllm_logs.csv"))


def vllm_logs() -> Iterator[Figure]:
    """What each start printed of which we know all that it depends on."""
    for log in logs():
        if not (log.row["model"] and log.row["context"]):
            continue
        weights, total = log.size("weights"), log.without_cache
        if weights is not None:
            yield _figure(log, "weights", log.loaded, weights)
        if log.row["capacity"] and log.row["available"]:
            available = log.size("available") or 0
            ours = tokens(log.held, log.workload, log.cards, available)
            yield _figure(log, "tokens of a pool", ours, int(log.row["capacity"]), _counted(log))
        if total is not None and log.told:
            ends = _without_cache(log)
            aside = "" if log.as_sampled_now else OLDER
            yield _figure(log, "all but the cache", ends.expected, total, aside, ends)


def _counted(log: Log) -> str:
    """Why its pool is not counted as 0.33 counts: states, and windows before steps overlapped."""
    kinds = {g.pages.kind for g in log.held.pool(log.workload, log.cards).groups}
    if "state" in kinds or ("window" in kinds and log.row["version"] < "0.24"):
        return OLDER
    return log.row["aside"] and OLDER


def _without_cache(log: Log) -> Range:
    kept = sum(t.size for t in log.memory.terms if t.component in ("kv_cache", "recurrent_state"))
    total = log.memory.total
    ends = (total.low, total.expected, total.high)
    return Range(*(Bytes((end - kept) // log.cards) for end in ends))


def _figure(
    log: Log, what: str, ours: int, measured: int, aside: str = "", total: Range | None = None
) -> Figure:
    return Figure(
        table=f"vllm, logs: {what}",
        engine="vllm",
        name=log.name,
        ours=ours,
        measured=(measured,),
        total=total,
        aside=aside,
        note=log.row["note"],
    )
