"""Which entries of the catalog a list or a table is about."""

import msgspec

from fitcheck.catalog import ModelEntry
from fitcheck.resolve import Subject


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Filters; None where nothing was said. `max_params` and `min_params` are counts."""

    family: str | None = None
    language: str | None = None
    licence: str | None = None
    modality: str | None = None
    max_params: int | None = None
    min_params: int | None = None

    def takes(self, subject: Subject) -> bool:
        """Whether the subject passes every filter; an unknown fact passes none that asks for it."""
        entry, model = subject.entry, subject.model
        if entry is None:
            return False
        size = entry.parameters or (model.parameters if model else None)
        return (
            (self.family is None or self.family.lower() in (entry.family.lower(), entry.id))
            and (self.language is None or self.language.lower() in entry.languages)
            and (self.licence is None or self.licence.lower() in (entry.licence or "").lower())
            and (self.modality is None or _modality(self.modality, entry))
            and (self.max_params is None or (size is not None and size <= self.max_params))
            and (self.min_params is None or (size is not None and size >= self.min_params))
        )


def _modality(asked: str, entry: ModelEntry) -> bool:
    """`image` takes image-text; `text` takes only what reads nothing else."""
    return asked == entry.modality or (asked != "text" and asked in entry.modality.split("-"))
