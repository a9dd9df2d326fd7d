"""An option of an engine: what we call it, what the engine calls it, and what it is by default."""

import msgspec


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an engine's table.

    `name` is a field of Workload, or a key of its settings; `own` the engine's own name for it,
    empty where it has none; `default` what holds where nothing is said; `source` where that stands.
    `typed` is False for what programs may set and our command line does not offer.
    """

    name: str
    own: str
    default: str
    meaning: str
    source: str
    typed: bool = True

    @property
    def flag(self) -> str:
        """`--max-num-seqs`."""
        return flag(self.name)


def flag(name: str) -> str:
    """What is typed for an option of that name."""
    return "--" + name.replace("_", "-")
