"""A repository on the hub as a folder: its files by their headers, several at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import quote

from fitcheck.errors import BadInput, nearest
from fitcheck.sources.files import Reader, listed
from fitcheck.sources.hub.address import Address
from fitcheck.sources.hub.client import Client, library
from fitcheck.sources.hub.refusals import refusal
from fitcheck.sources.json_text import mapping
from fitcheck.units import MIB

T = TypeVar("T")

# The hub's answer about a repository of ten thousand files is 2 MB.
MOST_ANSWER: Final = 32 * MIB
# Files asked for at the same time.
AT_ONCE: Final = 8
# What is asked for first: headers of shards are mostly shorter (huggingface_hub does the same).
FIRST: Final = 100_000

_TOTAL: Final = re.compile(r"bytes \d+-\d+/(\d{1,18})")


class RemoteFile:
    """A file on the hub, read in ranges; its first bytes are asked for once and kept."""

    def __init__(self, client: Client, address: Address, name: str, commit: str) -> None:
        self.name = f"{address}:{name}"
        self._client = client
        self._address = address
        self._url = (
            f"{client.endpoint}/{address.repo}/resolve/{quote(commit, safe='')}/{quote(name)}"
        )
        self.size = 0
        self._start = self._ask(0, FIRST)

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes, fewer only at the end."""
        end = min(offset + length, self.size)
        if end <= len(self._start):
            return self._start[offset:end]
        return self._ask(offset, end)

    def _ask(self, start: int, end: int) -> bytes:
        answer = self._client.get(self._url, end - start, (start, end))
        if answer.status == 416:  # an empty file has no first byte
            return b""
        if answer.status not in (200, 206):
            raise refusal(answer, self._client, self._address)
        total = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
        whole = answer.status == 200 and start == 0 and len(answer.body) < end
        if total is None and not whole:
            raise BadInput(f"{self.name}: {self._client.host} does not send parts of files")
        self.size = int(total[1]) if total else len(answer.body)
        return answer.body


class Repository:
    """A repository at one commit. Raises BadInput where the hub refuses, or knows no such thing."""

    def __init__(self, client: Client, address: Address) -> None:
        self.title = str(address)
        self._client = client
        self._address = address
        where = f"{quote(address.repo)}/revision/{quote(address.revision, safe='')}"
        answer = client.get(f"{client.endpoint}/api/models/{where}", MOST_ANSWER)
        if answer.status != 200:
            raise refusal(answer, client, address)
        values = mapping(answer.body, self.title)
        self.commit = str(values.get("sha") or address.revision)
        self.names: Sequence[str] = _names(values.get("siblings"))

    @contextmanager
    def open(self, name: str) -> Iterator[Reader]:
        """One of the files."""
        yield RemoteFile(self._client, self._address, name, self.commit)

    def each(self, names: Sequence[str], read: Callable[[Reader], T]) -> list[T]:
        """What `read` makes of each of the files; a bar on stderr shows how far it is."""
        from concurrent.futures import ThreadPoolExecutor

        def one(name: str) -> T:
            return read(RemoteFile(self._client, self._address, name, self.commit))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(_shown(pool.map(one, names), self.title, len(names)))


def _shown(found: Iterator[T], title: str, count: int) -> Iterable[T]:
    """The same, with a bar on stderr where that is a terminal and it takes longer than a second."""
    tqdm = library(".utils").tqdm
    bar: Iterable[T] = tqdm(found, title, count, unit="file", disable=None, delay=1, leave=False)
    return bar


def _names(siblings: object) -> list[str]:
    found = siblings if isinstance(siblings, list) else []
    names = [s.get("rfilename") for s in found if isinstance(s, dict)]
    return sorted(n for n in names if isinstance(n, str))


def choose(wanted: str, files: Sequence[str], title: str) -> str:
    """The GGUF file that was meant: by its name, its last part, or a tag in it such as `q4_k_m`.

    Raises BadInput where none or several could be, with their names.
    """
    if not files:
        raise BadInput(f"{title}: holds no GGUF file")
    low = wanted.lower()
    exact = [f for f in files if f == wanted or f.rpartition("/")[2].lower() == low]
    tagged = [
        f
        for f in files
        if re.search(rf"(?:^|[^a-z0-9]){re.escape(low)}(?:[^a-z0-9_]|$)", f.lower())
    ]
    found = exact or tagged
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(f"{title}: '{wanted}' could be {listed(found, 12)}")
    names = {f.lower(): f for f in files}
    near = [names[n] for n in nearest(wanted, names)]
    offer = f"did you mean {' or '.join(near)}?" if near else f"it holds {listed(files, 12)}"
    raise BadInput(f"{title}: has no GGUF file '{wanted}'; {offer}")
