"""What people type for a machine: sizes, names, numbers of cards, indices."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from fitcheck.cards import names
from fitcheck.catalog import mig
from fitcheck.catalog.gpu_memory import Offer, offer, sized, sticker_share
from fitcheck.catalog.gpus import Gpu
from fitcheck.errors import BadInput
from fitcheck.machine import Card, Machine
from fitcheck.units import GIB, Bytes, gib, parse_size

MOST_CARDS: Final = 1024
SMALLEST_CARD: Final = 64 << 20
LARGEST_CARD: Final = 16 << 40

_BEFORE = re.compile(r"(\d{1,12})\s*[x*]\s*(\S.*)", re.IGNORECASE)
_BEFORE_SPACE = re.compile(r"([1-9]|1[0-6])\s+(\S.*)")
_NODES = re.compile(r"(\d{1,4})[x*](\d{1,4}[x*]\s*\S.*)", re.IGNORECASE)
_INSTANCE = re.compile(r"(\S.*?)[\s:/-]+(?:mig[\s-]*)?(\dg\.\d{1,3}gb(?:\+\S+)?)", re.IGNORECASE)
_INDEX = re.compile(r"\d{1,3}", re.ASCII)
_AFTER = re.compile(r"(\S.*?)(?:\s+[x*]\s*|[x*]|\s*:\s*)(\d{1,12})", re.IGNORECASE)


class Item(msgspec.Struct, frozen=True):
    """Some equal cards, and what has to be said of them."""

    card: Card
    number: int
    label: str
    notes: tuple[str, ...]


def machine(
    words: Sequence[str],
    detected: Callable[[], Machine],
    together: Callable[[Machine], Machine] = lambda here: here,
) -> Machine:
    """The cards that the words name, in their order. `detected` asks this machine, if they do, and
    `together` picks those of it that one program can use.

    Raises UnknownName, BadInput.
    """
    parts = [part.strip() for word in words for part in _split(" ".join(word.split()))]
    if not parts or not all(parts):
        raise BadInput("no card is named; say a card (3090) or a size (24GB)")
    if [part.lower() for part in parts] == ["detected"]:
        return together(detected())
    if all(_INDEX.fullmatch(part) for part in parts):
        return _by_index([int(part) for part in parts], detected())
    if len(parts) == 1 and (found := _NODES.fullmatch(parts[0].replace("\u00d7", "x"))):
        return _nodes(parts[0], int(found[1]), machine([found[2]], detected, together))
    items = [_item(part) for part in parts]
    count = sum(item.number for item in items)
    if count > MOST_CARDS:
        raise BadInput(f"{count} cards are more than any machine has: {MOST_CARDS} is the most")
    return Machine(
        name=" + ".join(f"{i.number}x {i.label}" if i.number > 1 else i.label for i in items),
        cards=tuple(item.card for item in items for _ in range(item.number)),
        notes=tuple(dict.fromkeys(note for item in items for note in item.notes)),
    )


def _nodes(text: str, count: int, node: Machine) -> Machine:
    """`2x8xh100`: two machines of eight."""
    if not 0 < count * len(node.cards) <= MOST_CARDS:
        raise BadInput(f"'{text}': machines have 1 to {MOST_CARDS} cards together")
    return node.on_nodes(count)


def _split(word: str) -> list[str]:
    """At commas and plus signs, but not `max+` in a name."""
    parts = re.split(r"[,;]|(?<!max)\+", word)
    if len(parts) > 1 and not _is_name(word):
        return parts
    return [word]


def _is_name(word: str) -> bool:
    """Whether it is one card's name as it is; `7900 xtx,8gb` is none with a memory it has not."""
    try:
        return bool(names.find(word))
    except BadInput:
        return False


def _item(text: str) -> Item:
    """One name, alone or with a number before or after it."""
    found = _one(text)
    if found is not None:
        return found
    for count, rest in _counted(text.replace("\u00d7", "x")):
        found = _one(rest)
        if found is not None:
            if not 0 < count <= MOST_CARDS:
                raise BadInput(f"'{text}': a machine has 1 to {MOST_CARDS} cards")
            return msgspec.structs.replace(found, number=count)
    raise names.unknown(text)


def _counted(text: str) -> Iterator[tuple[int, str]]:
    for pattern, number, rest in ((_BEFORE, 1, 2), (_AFTER, 2, 1), (_BEFORE_SPACE, 1, 2)):
        match = pattern.fullmatch(text)
        # `7900xtx2` may be two of one card, or one and a half of another: it is neither.
        if match and not (pattern is _AFTER and names.find(f"{match[1]}x")):
            yield int(match[number]), match[rest]


def _one(text: str) -> Item | None:
    """A name or a size; None if it is neither. `6700M` and `910B` are names first."""
    rows = names.find(text) or names.find_printed(text)
    if rows:
        return _of_catalog(text, rows)
    piece = _INSTANCE.fullmatch(text)
    if piece and (rows := names.find(piece[1])):
        return _of_instance(_of_catalog(piece[1], rows), rows[0].model, piece[2].lower())
    size = _size(text)
    return None if size is None else _of_size(text, size)


def _size(text: str) -> Bytes | None:
    """Bytes of `24GB`, also with `VRAM` or `card` after it."""
    if len(text) > names.LONGEST_NAME or text.startswith("-"):
        return None
    words = names.apart(names.plain(text))
    if not words.key and not words.forms and len(words.sizes) == 1:
        return Bytes(min(words.sizes) * GIB)
    return parse_size(text)


def _of_size(text: str, size: Bytes) -> Item:
    if not SMALLEST_CARD <= size <= LARGEST_CARD:
        raise BadInput(f"'{text}' is no size of a card: 64 MiB to 16 TiB")
    found = sized(size)
    name = f"{size / GIB:g}GB card{'' if found.known else ' (hypothetical)'}"
    notes = [f"'{text}' counts as {gib(found.usable)} GiB, {found.basis}"]
    if not found.known:
        notes.insert(0, f"no card of {size / GIB:g} GB is known: '{text}' is a hypothetical one")
    card = Card(
        id=f"{size / GIB:g}gb",
        name=name,
        vendor="",
        total=found.total,
        reserved=found.reserved,
        nominal_gb=size / GIB,
        source=f"a size: {found.basis}",
    )
    return Item(card, 1, name, tuple(notes))


def _of_instance(whole: Item, model: str, profile: str) -> Item | None:
    """A MIG instance of a card: its memory, and no rates, which are shared out."""
    total = mig.instance(model, profile)
    if total is None or total > whole.card.total:
        return None
    name = f"{whole.label} MIG {profile}"
    piece = msgspec.structs.replace(
        whole.card,
        name=name,
        total=total,
        reserved=Bytes(0),
        bandwidth=None,
        fp16_tflops=None,
        int8_tops=None,
        nominal_gb=None,
        source=f"catalog: a MIG instance of {whole.card.id}",
    )
    return msgspec.structs.replace(whole, card=piece, label=name)


def _by_index(wanted: Sequence[int], here: Machine) -> Machine:
    """Only those cards of this machine."""
    known = {card.index: card for card in reversed(here.cards)}
    missing = [index for index in wanted if index not in known]
    if missing:
        there = ", ".join(str(index) for index in sorted(i for i in known if i is not None))
        raise BadInput(
            f"no card here has the index {missing[0]} (there are: {there or 'none'}); "
            f"a size needs its unit: {missing[0]}GB"
        )
    cards = tuple(known[index] for index in wanted)
    return msgspec.structs.replace(here, cards=cards, name=" + ".join(c.name for c in cards))


def _of_catalog(text: str, rows: Sequence[Gpu]) -> Item:
    gpu, note = names.choose(text, rows)
    found = offer(gpu) or _of_host(text, gpu)
    notes = [note] if note else []
    if gpu.devices_per_board > 1:
        notes.append(
            f"a board of {gpu.model} is {gpu.devices_per_board} devices of {gpu.nominal_gb:g} GB; "
            f"this is one of them, {gpu.devices_per_board}x {gpu.id} is the board"
        )
    return Item(card(gpu, found), 1, names.label(gpu), tuple(notes))


def _of_host(text: str, gpu: Gpu) -> Offer:
    """A GPU in a processor, with the RAM that was typed after its name."""
    sizes = names.apart(names.plain(text)).sizes
    if not sizes:
        raise BadInput(f"{gpu.model} uses the computer's RAM: say how much, '{text} 32GB'")
    total = Bytes(max(sizes) * GIB)
    usable = int(total * sticker_share(gpu))
    return Offer(total, Bytes(total - usable), "the share of RAM of others of its kind")


def card(gpu: Gpu, found: Offer) -> Card:
    """A row of the catalog as a card that nobody uses."""
    return Card(
        id=gpu.id,
        name=names.label(gpu),
        vendor=gpu.vendor,
        total=found.total,
        reserved=found.reserved,
        compute_capability=gpu.compute_capability,
        fp8=gpu.fp8,
        bf16=gpu.bf16,
        fp4=gpu.fp4,
        int8=gpu.int8,
        bandwidth=gpu.bandwidth,
        fp16_tflops=gpu.fp16_tflops,
        int8_tops=gpu.int8_tops,
        unified=gpu.unified,
        architecture=gpu.architecture,
        nominal_gb=gpu.nominal_gb,
        source=f"catalog: {found.basis}",
    )
