"""Models that are on this machine already, and what each of them is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from fitcheck import resolve
from fitcheck.errors import FitcheckError
from fitcheck.quantization import scheme
from fitcheck.quantization.published import published
from fitcheck.resolve import Subject

if TYPE_CHECKING:
    from fitcheck.sources.local import Found


class Stored(msgspec.Struct, frozen=True):
    """A model in another program's store; `why` it cannot be asked about where it has no subject.

    `quantization` is what its weights are stored in: a GGUF file's type, a published scheme, or
    the type of most tensors.
    """

    found: "Found"
    subject: Subject | None
    why: str = ""

    @property
    def quantization(self) -> str:
        """Empty where that is not known."""
        s = self.subject
        if s is None:
            return ""
        if s.stored_as:
            return scheme(s.stored_as).name
        section = s.model.quantization_config if s.model else None
        if section is not None:
            said = published(section)
            return " and ".join(dict.fromkeys(own.word for own in said.schemes)) or said.method
        return _most(s)


def stored(found: "Iterable[Found]") -> tuple[Stored, ...]:
    """Each model with its header read, so far as it can be."""
    return tuple(map(_stored, found))


def _stored(found: "Found") -> Stored:
    if found.form == "config":
        return Stored(found, None, "only its config.json is here")
    try:
        return Stored(found, resolve.of_stored(found))
    except FitcheckError as error:
        return Stored(found, None, found.why or str(error))


def _most(subject: Subject) -> str:
    """The type that most weights are stored in, as it is called here."""
    sizes = subject.checkpoint.size_by_dtype if subject.checkpoint else {}
    name = next(iter(sizes), "").lower()
    return {"f16": "fp16", "f32": "fp32"}.get(name, name)
