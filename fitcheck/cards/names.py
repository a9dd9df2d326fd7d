"""Names of cards, as people type them and tools print them -> rows of the catalog.

A name matches whole or not at all: `p4` is never found in `p40`, and no `Ti`, `SUPER` or `Laptop`
is ever dropped. What may be left out are the maker (`NVIDIA GeForce`), the series (`RTX`), the
size where it is not the point, and how the board is plugged in.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec

from fitcheck.catalog.gpus import Gpu, load_gpus
from fitcheck.errors import BadInput, UnknownName

LONGEST_NAME: Final = 200
_MARKS: Final = str.maketrans("", "", "®™")
_JOINERS: Final = str.maketrans("", "", " -_./()+")
_NOISE: Final = frozenset({
    "nvidia", "amd", "intel", "apple", "corporation", "corp", "inc", "advanced", "micro",
    "devices", "ati", "geforce", "radeon", "tesla", "instinct", "graphics", "gpu", "gpus", "card",
    "cards", "generation", "edition", "data", "center", "vram", "memory", "hbm", "hbm2", "hbm2e",
    "hbm3", "hbm3e", "gddr5", "gddr6", "gddr6x", "gddr7", "r", "tm", "ram", "unified",
})  # fmt: skip
_MAKERS: Final = frozenset(("nvidia", "amd", "intel", "apple"))
_MACS = re.compile(r"\b(?:macbook (?:pro|air)|mac (?:studio|mini|pro)|imac)\b")
_SIZE = re.compile(r"(?<![a-z0-9.])(\d{1,4})\s?(?:gb|gib|g)(?![a-z0-9])")
_FORMS: Final = {
    "pcie": "pcie", "pci": "pcie", "sxm": "sxm", "sxm2": "sxm", "sxm3": "sxm", "sxm4": "sxm",
    "sxm5": "sxm", "sxm6": "sxm", "nvl": "nvl", "oam": "oam", "maxq": "maxq", "server": "server",
    "workstation": "workstation", "active": "active",
}  # fmt: skip
_LAPTOP: Final = frozenset(("laptop", "mobile", "notebook"))
# Series that a name is often typed without, outermost first.
_SERIES: Final = (
    "quadro",
    "rtx",
    "gtx",
    "rx",
    "arc",
    "ai",
    "pro",
    "jetson",
    "agx",
    "dgx",
    "ascend",
)


class Words(msgspec.Struct, frozen=True):
    """A name taken apart: what must match, and what may narrow it down."""

    key: str
    sizes: frozenset[int]
    forms: frozenset[str]


def plain(text: str) -> str:
    """Lower case, compatibility forms and trade marks undone, brackets of the latter too."""
    text = unicodedata.normalize("NFKC", text.translate(_MARKS)).lower()
    return text.replace("(r)", " ").replace("(tm)", " ").strip()


def squash(text: str) -> str:
    """`rtx3090` of `RTX 3090`, `rtx-3090` and `rtx_3090`."""
    return text.translate(_JOINERS)


def apart(text: str) -> Words:
    """`a100`, 80 and pcie of `NVIDIA A100 80GB PCIe`."""
    text = _MACS.sub(" ", text.replace("max-q", "maxq").replace("max q", "maxq"))
    sizes = frozenset(int(size) for size in _SIZE.findall(text))
    words = re.findall(r"[^\s,;:_/()\[\]-]+", _SIZE.sub(" ", text).replace("+", ""))
    forms = frozenset(_FORMS[w] for w in words if w in _FORMS)
    kept = [w for w in words if w not in _NOISE and w not in _FORMS]
    if not _LAPTOP.isdisjoint(kept):
        kept = [w for w in kept if w not in _LAPTOP] + ["laptop"]
    return Words("".join(kept), sizes, forms)


@cache
def _printed() -> dict[str, list[Gpu]]:
    """Ids, drivers' names with and without the maker, and what else only the whole name says (`b60
    48gb`); squashed.
    """
    index: dict[str, list[Gpu]] = {}
    for gpu in load_gpus():
        name = plain(gpu.name)
        maker, _, rest = name.partition(" ")
        sized = (a for a in gpu.aliases if apart(a).key != squash(a))
        for key in {
            squash(name),
            squash(rest if maker in _MAKERS else name),
            squash(gpu.id),
            *map(squash, sized),
        }:
            index.setdefault(key, []).append(gpu)
    return index


@cache
def _models() -> dict[str, list[Gpu]]:
    """What people call a model, squashed, with and without its series."""
    index: dict[str, list[Gpu]] = {}
    for gpu in load_gpus():
        for key in {*_spellings(gpu.model.lower()), *map(squash, gpu.aliases)}:
            index.setdefault(key, []).append(gpu)
    return index


def _spellings(model: str) -> Iterator[str]:
    words = [w for w in model.split() if w not in _NOISE]
    ends = (words, words[:-1]) if words[-1] == "blackwell" else (words,)
    for end in ends:
        rest = list(end)
        yield squash("".join(rest))
        while len(rest) > 1 and rest[0] in _SERIES:
            rest.pop(0)
            yield squash("".join(rest))


def is_printed(text: str) -> bool:
    """Whether a driver prints that name as it is."""
    return squash(plain(text)) in _printed()


def find(text: str) -> list[Gpu]:
    """Every row that the name may mean; none if it is no name.

    Raises BadInput where there is such a model, but not of that size or form.
    """
    text = plain(text)
    if not text or len(text) > LONGEST_NAME:
        return []
    maker, _, rest = text.partition(" ")
    exact = _printed().get(squash(text)) or (maker in _MAKERS and _printed().get(squash(rest)))
    if exact:
        return exact
    words = apart(text)
    rows = next((found for key in _keys(words) if (found := _models().get(key))), None)
    if rows is None:
        return _glued(squash(text)) or _bare_size(text)
    return _narrowed(rows, words, text)


def _keys(words: Words) -> Iterator[str]:
    """The name, then the short hands people use for it: 4090m, 2080s, quadro a6000."""
    key = words.key
    if "maxq" in words.forms:
        yield f"{key}laptop"
    yield key
    if key.endswith("m"):
        yield f"{key[:-1]}laptop"
    if key.endswith("s"):
        yield f"{key[:-1]}super"
    if key.startswith("quadro"):
        yield key.removeprefix("quadro")
    if key.startswith("quadrortx"):
        yield key.removeprefix("quadrortx")


def _glued(text: str) -> list[Gpu]:
    """`4060ti16g`, `m4max64gb`: name and size without anything between them."""
    return [
        gpu
        for key, gpus in _models().items()
        if key and text.startswith(key)
        for gpu in gpus
        if gpu.nominal_gb and text[len(key) :] in {f"{gpu.nominal_gb:g}{u}" for u in ("g", "gb")}
    ]


def _bare_size(text: str) -> list[Gpu]:
    """`a100 80`, `m4 max 64`: a size that is one of the model's, without its unit."""
    match = re.fullmatch(r"(\S.*?)[\s_-]{1,3}(\d{1,3})", text)
    if match is None:
        return []
    try:
        return find(f"{match[1]} {match[2]}gb")
    except BadInput:
        return []


def _narrowed(rows: list[Gpu], words: Words, text: str) -> list[Gpu]:
    """Those of the size and form that were named."""
    sized = [g for g in rows if words.sizes <= _sizes(g)]
    if not sized and all(g.nominal_gb is None for g in rows):
        return rows
    if not sized:
        known = ", ".join(f"{size} GB" for size in sorted(set().union(*map(_sizes, rows))))
        raise BadInput(f"no '{text}' is known: {rows[0].model} comes with {known}")
    formed = [g for g in sized if _has_form(g, words.forms)]
    if not formed:
        known = ", ".join(g.id for g in sized)
        raise BadInput(f"no '{text}' is known: there are {known}")
    return formed


def _sizes(gpu: Gpu) -> set[int]:
    """Sizes that a row goes by: its sticker's, and those in its names (GH200 480GB)."""
    named = {int(size) for name in (gpu.name, *gpu.aliases) for size in _SIZE.findall(plain(name))}
    return named | ({round(gpu.nominal_gb)} if gpu.nominal_gb else set())


def _has_form(gpu: Gpu, forms: frozenset[str]) -> bool:
    """A board sold in one form has it; an NVL board is plugged into PCIe."""
    asked = forms - {gpu.form} - ({"workstation"} if "maxq" in forms else set())
    if gpu.form:
        return asked <= ({"pcie"} if gpu.form == "nvl" else set())
    return asked <= {"pcie", "oam"} or "laptop" in gpu.model.lower()


# Compiled where they are needed: typed names seldom have either.
_BRACKETS: Final = r"\[([^\[\]]{2,})\]"
_DRIVERS_TAIL: Final = r" {0,9}\((?:RADV|AMDVLK|LLVM|BMG|DG2|ACM|Mesa)[^()]*\)$"


def find_printed(text: str) -> list[Gpu]:
    """Rows that a name may mean as tools print it: `GA102 [GeForce RTX 3090]`, several models
    between brackets, or cut short (`NVIDIA GeForce RTX 2080 ...`).
    """
    if len(text) > LONGEST_NAME:
        return []
    if text.endswith("..."):
        # A name is cut only where it would be longer than what is printed.
        start = squash(plain(text[:-3]))
        longer = [g for g in load_gpus() if len(g.name) > len(text)]
        return [g for g in longer if start and squash(plain(g.name)).startswith(start)]
    brackets = re.findall(_BRACKETS, text)
    texts = brackets[-1].split("/") if brackets else [re.sub(_DRIVERS_TAIL, "", text.strip())]
    found = [gpu for each in texts for gpu in _find_or_none(each)]
    return list(dict.fromkeys(found)) if len(texts) > 1 else found


def _find_or_none(text: str) -> list[Gpu]:
    """Rows by a tool's word; one that contradicts itself names none."""
    try:
        return find(text)
    except BadInput:
        return []


def choose(text: str, rows: Sequence[Gpu]) -> tuple[Gpu, str]:
    """The row with the least memory (what fits it fits the others), and a note if they differ."""
    sized = [g for g in rows if g.nominal_gb is not None] or list(rows)
    bought = [g for g in sized if not g.custom] or sized
    gpu = min(bought, key=lambda g: g.nominal_gb or 0)
    if len({g.nominal_gb for g in bought}) == 1:
        return gpu, ""
    others = sorted(bought, key=lambda g: g.nominal_gb or 0)
    sizes = {(g.model, g.nominal_gb): g for g in reversed(others)}
    told = ", ".join(f"{g.id} ({g.nominal_gb:g} GB)" for g in list(sizes.values())[::-1])
    return gpu, f"'{text}' may be {told}: taken as the least, {gpu.id}"


def label(gpu: Gpu) -> str:
    """`RTX 3090`, and `A100 40GB` where the model comes in several sizes."""
    sizes = {g.nominal_gb for g in load_gpus() if g.model == gpu.model and not g.custom}
    return f"{gpu.model} {gpu.nominal_gb:g}GB" if len(sizes) > 1 and gpu.nominal_gb else gpu.model


def unknown(text: str) -> UnknownName:
    """Nothing is called that; the nearest names are offered."""
    names = {spelling for g in load_gpus() for spelling in (g.id, g.model.lower())}
    short = {name.removeprefix(f"{s} ") for name in names for s in _SERIES}
    hint = "; a size does as well: 24GB"
    return UnknownName("card", text[:LONGEST_NAME], sorted(names | short), hint)
