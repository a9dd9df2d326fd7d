"""The other way round: which cards, and how many of them, run this model?"""

import msgspec

from fitcheck.answers.asked import Ask
from fitcheck.answers.check import Row, check
from fitcheck.machine import Machine
from fitcheck.resolve import Subject


class Option(msgspec.Struct, frozen=True):
    """One kind of card and what the model does on it, scheme by scheme."""

    machine: Machine
    row: Row


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Cards in the order given, with the schemes that were asked about."""

    subject: Subject
    ask: Ask
    options: tuple[Option, ...]

    @property
    def exit_code(self) -> int:
        """0 if some number of some card holds the model, else 1."""
        held = (
            e.fit is not None and (e.fit.says_yes(strict=self.ask.strict) or e.fit.cards_needed)
            for option in self.options
            for e in option.row.estimates
        )
        return 0 if any(held) else 1


def plan(subject: Subject, machines: tuple[Machine, ...], ask: Ask) -> PlanAnswer:
    """Hold the model against every machine; where one card is too few, find how many hold it."""
    options = tuple(
        Option(m, check((subject,), m, ask, named=True, solve="all").rows[0]) for m in machines
    )
    return PlanAnswer(subject=subject, ask=ask, options=options)
