"""What runs on these cards: models × precisions, each with its verdict and longest context."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from fitcheck.answers import recent
from fitcheck.answers.asked import COLUMNS, Ask, Job, beside, jobs, on_card, question, workload
from fitcheck.answers.estimate import Estimate, notes
from fitcheck.answers.heeded import WrongOption
from fitcheck.answers.known import Known, decided, is_kept, is_usual, key, totals
from fitcheck.engines import ENGINES
from fitcheck.engines.base import Memory, Range
from fitcheck.errors import BadInput
from fitcheck.fit import Solve, Verdict, fit, unsupported
from fitcheck.machine import Machine
from fitcheck.quantization import Precision
from fitcheck.resolve import Subject
from fitcheck.units import Bytes

if TYPE_CHECKING:
    from fitcheck.measure.records import Measured

_RANK: dict[Verdict, int] = {"fits": 0, "tight": 1, "short": 2, "offload": 3, "no": 4}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model: an estimate for each scheme tried, or why there is none."""

    subject: Subject
    estimates: tuple[Estimate, ...]
    unknown: str = ""

    @property
    def best(self) -> Estimate | None:
        """The first that runs, nothing in RAM: surely, if any does; from most to fewest bits."""
        runs = [e for e in self.estimates if e.fit is not None and e.fit.says_yes()]
        sure = [e for e in runs if e.fit is not None and e.fit.verdict == "fits"]
        return next(iter(sure or runs), None)

    @property
    def verdict(self) -> Verdict:
        """The best of its verdicts."""
        found = [e.fit.verdict for e in self.estimates if e.fit is not None]
        return min(found, key=_RANK.__getitem__, default="no")


class CheckAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The rows, best first where the whole catalog was asked about, else in the order asked."""

    machine: Machine
    ask: Ask
    rows: tuple[Row, ...]
    columns: tuple[Precision, ...]
    named: bool

    @property
    def exit_code(self) -> int:
        """0 if every model that was named runs in some scheme asked for, else 1."""
        if not self.named:
            return 0
        yes = (
            any(
                e.fit is not None
                and e.fit.says_yes(strict=self.ask.strict, allow_offload=self.ask.allow_offload)
                for e in row.estimates
            )
            for row in self.rows
        )
        return 0 if all(yes) else 1


def check(
    subjects: tuple[Subject, ...],
    machine: Machine,
    ask: Ask,
    *,
    named: bool,
    solve: Solve,
    known: Known | None = None,
    columns: tuple[Precision, ...] = COLUMNS,
    measured: "Sequence[Measured]" = (),
) -> CheckAnswer:
    """Hold every model against the machine; `solve` says how much is searched for (fit.fit).

    `columns` are the precisions tried where none was asked for: with fp16 alone, each model as it
    is stored. `known` are totals of the run before, for a table that shows nothing else; new ones
    are put in. `measured` are rows of this machine; one of the very same question on such a card
    narrows the range.
    """
    machine = beside(machine, ask)
    if not is_usual(ask, machine):
        known = None
    if measured:
        from fitcheck.answers.measured import on

        measured = tuple(row for row in measured if on(row, machine.cards[0]))
    rows = tuple(_row(s, machine, ask, solve, known, columns, measured) for s in subjects)
    return CheckAnswer(
        machine=machine,
        ask=ask,
        rows=rows if named else tuple(sorted(rows, key=best_first)),
        columns=_columns(ask, rows),
        named=named,
    )


def taken(answer: CheckAnswer) -> dict[str, Bytes]:
    """What each engine may take of all cards together, where that is not all that is usable."""
    found: dict[str, Bytes] = {}
    for e in (e for row in answer.rows for e in row.estimates):
        if e.engine not in found:
            engine = ENGINES[e.engine]
            found[e.engine] = Bytes(sum(engine.usable(c, e.workload) for c in answer.machine.cards))
    offered = sum(c.available for c in answer.machine.cards)
    return {name: size for name, size in found.items() if size != offered}


def only_fitting(answer: CheckAnswer) -> CheckAnswer:
    """The rows in which something runs."""
    kept = tuple(row for row in answer.rows if row.estimates and row.verdict != "no")
    return msgspec.structs.replace(answer, rows=kept)


def _row(
    subject: Subject,
    machine: Machine,
    ask: Ask,
    solve: Solve,
    known: Known | None,
    columns: tuple[Precision, ...],
    measured: "Sequence[Measured]",
) -> Row:
    if subject.model is None:
        return Row(subject=subject, estimates=(), unknown="its architecture is not published")
    if measured:
        from fitcheck.answers.measured import of_model

        measured = of_model(measured, subject.model)
    try:
        found = tuple(
            _glanced(subject, job, machine, ask, known)
            if known is not None and is_kept(subject, job.engine) and not _may_be(measured, job)
            else _held(subject, job, machine, ask, solve, measured)
            for job in jobs(subject, ask, columns)
        )
    except WrongOption:
        raise
    except BadInput as error:
        if ask.quants or ask.precisions:
            raise
        return Row(subject=subject, estimates=(), unknown=str(error))
    return Row(subject=subject, estimates=found)


def _glanced(subject: Subject, job: Job, machine: Machine, ask: Ask, known: Known) -> Estimate:
    """The same for a table, from what is known where that is enough: a total without its terms."""
    asked = workload(subject, ask)
    usable = job.engine.usable(machine.cards[0], asked)
    place = key(subject, job.engine.name, job.scheme.name)
    seen = known.totals.get(place)
    if seen is None:
        loaded = recent.loaded(subject, job)
        seen = known.learn(place, totals(loaded, loaded.settle(asked), usable))
    refused = "; ".join(unsupported(job.scheme, machine.cards[0], job.engine))
    searched = f"{place} {usable} {refused}"
    verdict = None if refused else decided(known, place, usable)
    verdict = verdict or known.searched.get(searched)
    if verdict is None:
        found = _held(subject, job, machine, ask, "table")
        assert found.fit is not None
        known.answer(searched, found.fit)
        return found
    return Estimate(
        subject=subject,
        engine=job.engine.name,
        scheme=job.scheme,
        column=job.column,
        workload=asked,
        memory=Memory(terms=(), total=Range(seen.expected, seen.expected, seen.high)),
        file_bytes=Bytes(0),
        fit=verdict,
    )


def _may_be(rows: "Sequence[Measured]", job: Job) -> bool:
    return any(r.engine == job.engine.name and r.scheme == job.scheme.name for r in rows)


def _held(
    subject: Subject,
    job: Job,
    machine: Machine,
    ask: Ask,
    solve: Solve,
    rows: "Sequence[Measured]" = (),
) -> Estimate:
    assert subject.model is not None
    job = on_card(subject, job, machine, ask)
    loaded = recent.loaded(subject, job)
    asked = question(subject, job, loaded, machine, ask)
    told: tuple[str, ...] = ()
    if _may_be(rows, job):
        from fitcheck.answers.measured import matching, narrowed, note

        settled = loaded.settle(workload(subject, ask))
        row = matching(rows, job.engine.name, job.scheme.name, settled)
        if row is not None:
            measured = narrowed(loaded.memory(asked.workload).total, row)
            asked, told = msgspec.structs.replace(asked, measured=measured), (note(row),)
    found, memory = fit(asked, solve=solve)
    return Estimate(
        subject=subject,
        engine=job.engine.name,
        scheme=job.scheme,
        column=job.column,
        workload=asked.workload,
        memory=memory,
        file_bytes=loaded.file_bytes,
        notes=(*notes(subject, asked.workload), *memory.notes, *told),
        fit=found,
    )


def _columns(ask: Ask, rows: tuple[Row, ...]) -> tuple[Precision, ...]:
    """The usual ones, or what was found where that is another or a file has one type alone."""
    found = tuple(dict.fromkeys(e.column for row in rows for e in row.estimates))
    usual = ask.precisions or COLUMNS
    files = bool(found) and all(row.subject.stored_as for row in rows)
    return usual if not ask.quants and not files and set(found) <= set(usual) else found


def best_first(row: Row) -> tuple[int, int, int]:
    """What runs first, the larger models of it first; then what comes nearest to running."""
    model = row.subject.model
    size = model.parameters if model is not None else 0
    rank = _RANK[row.verdict] if model is not None else 5
    return rank, -size if rank < 4 else size, 0
