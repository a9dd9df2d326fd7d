"""A model as models.yaml writes it down, and the architecture that this means."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from fitcheck.architecture import Model, from_config
from fitcheck.errors import BadInput, spelled

Id = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9][a-z0-9.+-]*$",
        max_length=80,
        description="an id like qwen3-8b: small letters, digits, '.', '+' and '-', at most 80",
    ),
]
Month = Annotated[
    str,
    msgspec.Meta(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$", description="a month like 2023-02"),
]
Count = Annotated[int, msgspec.Meta(gt=0, description="a whole number above 0")]
Modality = Literal["text", "image-text", "audio-text", "audio", "omni", "embedding"]


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a publisher says that the model needs, and where it says so.

    `memory_gb` is in the publisher's own unit, whose gigabyte is a card's marketing size; `gpus`
    are the cards that the publisher names, in fitcheck's words (`3090`, `2x3090`). `explains`
    says why our figure differs, where it does.
    """

    states: str
    source: str
    precision: Literal["fp16", "int8", "int4"] | None = None
    scheme: str | None = None
    memory_gb: Annotated[float, msgspec.Meta(gt=0)] | None = None
    gpus: tuple[str, ...] = ()
    context: Count | None = None
    purpose: Literal["inference", "finetuning", "training"] = "inference"
    explains: str = ""


class Quantization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quantized form that the publisher itself releases, or makes on loading."""

    scheme: str
    repository: str | None = None
    note: str = ""


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the catalog.

    `config` holds the architecture in config.json's own words; with `like` it holds only what
    differs from that other entry's. `parameters` is the published or counted number, and must be
    what the architecture adds up to unless `parameters_note` says why not. `sources` says where
    each fact comes from.
    """

    id: Id
    name: str
    organisation: str
    family: str
    sources: dict[str, str]
    aliases: tuple[str, ...] = ()
    released: Month | None = None
    licence: str | None = None
    languages: tuple[str, ...] = ()
    modality: Modality = "text"
    derived_from: str | None = None
    repository: str | None = None
    downloadable: bool = True
    parameters: Count | None = None
    active_parameters: Count | None = None
    parameters_note: str = ""
    context_length: Count | None = None
    like: Id | None = None
    config: dict[str, Any] | None = None
    quantizations: tuple[Quantization, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Its id and its aliases."""
        return (self.id, *self.aliases)


class CatalogFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A models.yaml: entries, in the order that people will read them."""

    models: tuple[ModelEntry, ...]


class Catalog:
    """All entries under their ids and aliases, and the architectures that they mean.

    `stored` gives models that need not be built from their words.
    """

    def __init__(
        self,
        entries: tuple[ModelEntry, ...],
        stored: Mapping[str, Callable[[], Model]] | None = None,
    ) -> None:
        self.entries = {entry.id: entry for entry in entries}
        self._stored = stored or {}
        self._models: dict[str, Model | None] = {}

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.entries.values())

    def find(self, word: str) -> ModelEntry | None:
        """The entry of that id or alias, however it is capitalised."""
        word = word.lower()
        if word in self.entries:
            return self.entries[word]
        for entry in self.entries.values():
            if any(word == alias.lower() for alias in entry.aliases):
                return entry
        return None

    def meant(self, word: str) -> ModelEntry | None:
        """The one entry that this can only be, divided otherwise or without its organisation:
        `Qwen3 8B`, `llama3.1:8b`, `Meta-Llama-3-8B-Instruct`.
        """
        wanted = spelled(word)
        found = [e for e in self if any(spelled(n.rpartition("/")[2]) == wanted for n in e.names)]
        return found[0] if len(found) == 1 else None

    def words(self) -> list[str]:
        """Every id and alias."""
        return [name for entry in self for name in entry.names]

    def config(self, entry: ModelEntry) -> Mapping[str, object] | None:
        """config.json's words for this entry, those of the entry that it is `like` filled in.

        Raises BadInput where there is no such entry.
        """
        seen = {entry.id}
        layers = [entry.config or {}]
        while entry.like is not None:
            below = self.entries.get(entry.like)
            if below is None or below.id in seen:
                raise BadInput(f"{entry.id}: like '{entry.like}', which is no other entry")
            entry = below
            seen.add(entry.id)
            layers.append(entry.config or {})
        merged: dict[str, object] = {}
        for layer in reversed(layers):
            merged.update(layer)
        return merged or None

    def model(self, entry: ModelEntry) -> Model | None:
        """The entry's architecture, None where nothing is known of it.

        Raises BadInput where the words make no model.
        """
        if entry.id not in self._models and entry.id in self._stored:
            self._models[entry.id] = self._stored[entry.id]()
        elif entry.id not in self._models:
            config = self.config(entry)
            model = None if config is None else from_config(config, f"{entry.id}: config")
            if model is not None and entry.context_length is not None:
                model = msgspec.structs.replace(model, context_length=entry.context_length)
            self._models[entry.id] = model
        return self._models[entry.id]
