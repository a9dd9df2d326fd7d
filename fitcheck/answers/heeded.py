"""Options that an engine does not have, or not with such a value: a question asked wrongly."""

from collections.abc import Sequence

from fitcheck.engines import ENGINES
from fitcheck.engines.base import Engine, Workload
from fitcheck.engines.option import flag
from fitcheck.errors import BadInput, UnknownName


class WrongOption(BadInput):
    """No engine that was asked could heed it, whatever the model: ends a command."""


def refuse(engine: Engine, names: Sequence[str], workload: Workload) -> None:
    """Raises WrongOption, UnknownName where the engine has no option of one of these names.

    So too where a value of the workload means nothing to it.
    """
    if not names and workload.batch == 1:
        return
    has = {option.name for option in engine.options}
    for name in names:
        if name not in has:
            raise _wrong(engine, name)
    try:
        engine.accepts(workload)
    except BadInput as error:
        raise WrongOption(str(error)) from error


def _wrong(engine: Engine, name: str) -> WrongOption | UnknownName:
    """`--max-num-seqs` is vLLM's; and what this engine has that comes nearest."""
    having = [e.name for e in ENGINES.values() if name in {o.name for o in e.options}]
    if not having:
        names = [o.name for o in engine.options]
        return UnknownName(f"option of {engine.name}", name, names)
    near = engine.instead.get(name)
    said = f"{flag(name)} is an option of {', '.join(having)}; {engine.name} has "
    return WrongOption(said + (f"{flag(near)}" if near else "none like it"))
