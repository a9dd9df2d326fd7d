"""What another card opens: models that newly run, better precision, longer context."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.check import Row
from fitcheck.answers.compare import compare
from fitcheck.answers.estimate import Estimate
from fitcheck.machine import Machine
from fitcheck.quantization import Precision
from fitcheck.resolve import Subject

if TYPE_CHECKING:
    from fitcheck.measure.records import Measured

Opens = Literal["model", "precision", "sure", "context", "nothing"]
OPENS: Final[tuple[Opens, ...]] = ("model", "precision", "sure", "context", "nothing")

# From most to fewest bits.
_ORDER: Final[tuple[Precision, ...]] = (
    "fp32", "fp16", "int8", "int6", "int5", "int4", "int3", "int2", "int1",
)  # fmt: skip


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what runs before and after, None for nothing, and what that opens.

    `model`: it newly runs. `precision`: in more bits. `sure`: in as many, for sure where it was
    tight or short. `context`: in as many, with a longer one.
    """

    subject: Subject
    before: Estimate | None
    after: Estimate | None
    opens: Opens


class Target(msgspec.Struct, frozen=True):
    """A machine to move to, and the gain for each model, in the order asked."""

    machine: Machine
    gains: tuple[Gain, ...]

    def opened(self, what: Opens) -> tuple[Gain, ...]:
        """The models for which it opens that."""
        return tuple(gain for gain in self.gains if gain.opens == what)


class UpgradeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that is there, and those to move to."""

    origin: Machine
    targets: tuple[Target, ...]
    ask: Ask
    named: bool


def upgrade(
    subjects: tuple[Subject, ...],
    origin: Machine,
    machines: tuple[Machine, ...],
    ask: Ask,
    *,
    named: bool,
    measured: "Sequence[Measured]" = (),
) -> UpgradeAnswer:
    """Ask all machines the same, and hold each against the first. Raises as `check` does."""
    found = compare(subjects, (origin, *machines), ask, named=True, measured=measured)
    before, *checks = found.checks
    targets = tuple(
        Target(c.machine, tuple(gain(*rows) for rows in zip(before.rows, c.rows, strict=True)))
        for c in checks
    )
    return UpgradeAnswer(origin=before.machine, targets=targets, ask=ask, named=named)


def gain(before: Row, after: Row) -> Gain:
    """Of one model, from one machine to another."""
    was, now = before.best, after.best
    return Gain(subject=before.subject, before=was, after=now, opens=_opens(was, now))


def _opens(was: Estimate | None, now: Estimate | None) -> Opens:
    if now is None or now.fit is None:
        return "nothing"
    if was is None or was.fit is None:
        return "model"
    bits = _ORDER.index(now.column) - _ORDER.index(was.column)
    if bits:
        return "precision" if bits < 0 else "nothing"
    if now.fit.verdict == "fits" != was.fit.verdict:
        return "sure"
    longer = (now.fit.longest or 0) > (was.fit.longest or 0)
    return "context" if longer else "nothing"
