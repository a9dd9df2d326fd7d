"""Which entries of the catalog a list or a table is about."""

from collections import Counter

import msgspec

from fitcheck.catalog import Catalog, ModelEntry
from fitcheck.errors import BadInput, UnknownName
from fitcheck.resolve import Subject


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Filters; None where nothing was said. `max_params` and `min_params` are counts, `words` are
    all in one of the model's names.
    """

    words: tuple[str, ...] = ()
    family: str | None = None
    language: str | None = None
    licence: str | None = None
    modality: str | None = None
    max_params: int | None = None
    min_params: int | None = None

    def check(self, catalog: Catalog) -> None:
        """Raises UnknownName, with the nearest, for a word that no entry of the catalog has."""
        if not any(_named(self.words, e) for e in catalog):
            words = " ".join(self.words)
            raise UnknownName("model", words, catalog.words(), "; `fitcheck models` lists them")
        if catalog.find(self.family or "") is None:
            _known("family", self.family, Counter(e.family for e in catalog))
        _known("language", self.language, Counter(c for e in catalog for c in e.languages))
        _known("modality", self.modality, Counter(m for e in catalog for m in _modalities(e)))
        licences = Counter(e.licence for e in catalog if e.licence)
        if self.licence and not any(self.licence.lower() in name.lower() for name in licences):
            there = _commonest(licences)
            raise BadInput(f"no licence here has '{self.licence}' in its name; there are {there}")

    def takes(self, subject: Subject) -> bool:
        """Whether the subject passes every filter; an unknown fact passes none that asks for it."""
        entry, model = subject.entry, subject.model
        if entry is None:
            return False
        size = entry.parameters or (model.parameters if model else None)
        return (
            _named(self.words, entry)
            and (self.family is None or self.family.lower() in (entry.family.lower(), entry.id))
            and (self.language is None or self.language.lower() in entry.languages)
            and (self.licence is None or self.licence.lower() in (entry.licence or "").lower())
            and (self.modality is None or self.modality.lower() in _modalities(entry))
            and (self.max_params is None or (size is not None and size <= self.max_params))
            and (self.min_params is None or (size is not None and size >= self.min_params))
        )


def _named(words: tuple[str, ...], entry: ModelEntry) -> bool:
    """Whether a name of the entry has all these words in it."""
    return any(
        all(word.lower() in name.lower() for word in words) for name in (entry.name, *entry.names)
    )


def _known(what: str, word: str | None, words: Counter[str]) -> None:
    if word is not None and word.lower() not in words:
        raise UnknownName(what, word, sorted(words), f"; there are {_commonest(words)}")


def _commonest(words: Counter[str], most: int = 12) -> str:
    """What most entries have, so that an error stays one line."""
    return ", ".join(word for word, _ in words.most_common(most)) + ", ..." * (len(words) > most)


def _modalities(entry: ModelEntry) -> set[str]:
    """`image` takes image-text; `text` takes only what reads nothing else."""
    return {entry.modality, *entry.modality.split("-")} - {"text" if "-" in entry.modality else ""}
