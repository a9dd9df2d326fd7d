"""The hub, against a server on the loopback that answers as the hub does."""

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from model_files import (
    CONFIG,
    LLAMA,
    PARAMETERS,
    llama_tensors,
    write_folder,
    write_gguf,
)

from fitcheck.errors import BadInput
from fitcheck.sources import Source
from fitcheck.sources.hub import Address, Client, parse, read
from fitcheck.sources.hub.client import MISSING
from fitcheck.sources.hub.repository import choose

COMMIT = "0123456789abcdef0123456789abcdef01234567"


REFUSALS: dict[str, tuple[int, dict[str, str]]] = {
    "gated": (401, {"X_Error_Code": "GatedRepo"}),
    "forbidden": (403, {"X_Error_Code": "GatedRepo"}),
    "busy": (429, {"Retry_After": "30"}),
    "broken": (503, {}),
    "garbled": (200, {}),
    "badtoken": (401, {"X_Error_Message": "Invalid credentials in Authorization header"}),
    "slow": (504, {}),
}


class Server(ThreadingHTTPServer):
    """A client that goes away is no news."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Silence."""


class Hub(BaseHTTPRequestHandler):
    """Models in folders: the listing, files by way of a redirect, ranges, and refusals."""

    protocol_version = "HTTP/1.1"
    root: ClassVar[Path]
    ranges: ClassVar[bool] = True

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        """An answer to whatever was asked."""
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path == "/api/models":
            return self.listing(parse_qs(url.query)["author"][0])
        if match := re.fullmatch(r"/api/models/(.+)/revision/(.+)", path):
            return self.model(match[1], match[2])
        if match := re.fullmatch(r"/(org/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.redirect(match[1], match[3])
        if path.startswith("/cdn/"):
            return self.data(self.root / path.removeprefix("/cdn/"))
        return self.refuse(404, "RepoNotFound")

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str, **headers: str) -> None:
        """No, with a reason."""
        self.reply(status, b'{"error":"no"}', X_Error_Code=code, **headers)

    def listing(self, author: str) -> None:
        """The names of all models of one organisation."""
        ids = [{"id": f"{author}/{p.name}"} for p in sorted((self.root / author).iterdir())]
        self.reply(200, json.dumps(ids).encode())

    def model(self, repo: str, revision: str) -> None:
        """One model: its commit and its files."""
        name = repo.rpartition("/")[2]
        if name in REFUSALS:
            time.sleep(0.5 if name == "slow" else 0)
            status, headers = REFUSALS[name]
            self.reply(status, b"<html>", **headers)
        elif not (self.root / repo).is_dir():
            self.refuse(401, "RepoNotFound")
        elif revision not in ("main", "v1.0", COMMIT):
            self.refuse(404, "RevisionNotFound")
        else:
            base = self.root / repo
            found = [p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file()]
            body = {"sha": COMMIT, "siblings": [{"rfilename": n} for n in sorted(found)]}
            self.reply(200, json.dumps(body).encode())

    def redirect(self, repo: str, file: str) -> None:
        """Where the file is."""
        if not (self.root / repo / file).is_file():
            return self.refuse(404, "EntryNotFound")
        # Another name of the same machine: a token must not follow.
        port = self.headers["Host"].rpartition(":")[2]
        return self.reply(302, Location=f"http://localhost:{port}/cdn/{repo}/{file}")

    def data(self, path: Path) -> None:
        """A part of a file."""
        size = path.stat().st_size
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if span is None or not self.ranges:
            return self.reply(200, path.read_bytes()[: 1 << 22])
        start, end = int(span[1]), min(int(span[2]) + 1, size)
        if start >= size:
            return self.reply(416)
        with path.open("rb") as file:
            file.seek(start)
            body = file.read(end - start)
        return self.reply(206, body, Content_Range=f"bytes {start}-{end - 1}/{size}")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Client]:
    """A hub with a few models, and a client of it."""
    pytest.importorskip("huggingface_hub")
    root = tmp_path / "hub"
    write_folder(root / "org" / "tiny-llama", shards=3)
    ggufs = root / "org" / "tiny-llama-GGUF"
    ggufs.mkdir()
    for name in ("tiny-Q4_K_M", "tiny-Q4_K_S", "tiny-Q8_0"):
        write_gguf(ggufs / f"{name}.gguf", LLAMA, llama_tensors())
    (ggufs / "big").mkdir()
    write_gguf(ggufs / "big" / "tiny-F16-00001-of-00002.gguf", LLAMA, llama_tensors()[:5])
    write_gguf(ggufs / "big" / "tiny-F16-00002-of-00002.gguf", {}, llama_tensors()[5:])
    handler = type("Here", (Hub,), {"root": root})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield Client(endpoint=endpoint, cache=tmp_path / "cache", timeout=0.3)
    finally:
        _close_sessions()
        server.shutdown()
        thread.join()
        server.server_close()


def _close_sessions() -> None:
    from importlib import import_module

    utils = import_module("huggingface_hub.utils")
    for name in ("close_session", "reset_sessions"):
        getattr(utils, name, lambda: None)()


def with_token(client: Client, token: str = "hf_secret") -> Client:
    return Client(endpoint=client.endpoint, cache=client.cache, timeout=0.3, token=token)


def parameters(source: Source) -> int | None:
    return source.model.parameters if source.model else None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:org/name", Address("org/name")),
        ("hf:gpt2", Address("gpt2")),
        ("hf:org/name@v1.0", Address("org/name", "v1.0")),
        ("hf:org/name@refs/pr/1:a/b.gguf", Address("org/name", "refs/pr/1", "a/b.gguf")),
        ("hf:org/name:Q4_K_M", Address("org/name", "main", "Q4_K_M")),
    ],
)
def test_addresses_have_a_revision_and_a_file(text: str, address: Address) -> None:
    """Both may be left out."""
    assert parse(text) == address


@pytest.mark.parametrize(
    "text", ["hf:", "hf:/", "hf:a/b/c", "hf:../x", "hf:a b", "hf:a/..", "hf:ä/b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With the form that one has."""
    with pytest.raises(BadInput, match="write hf:ORG/NAME"):
        parse(text)


def test_a_model_is_read_by_its_headers(hub: Client) -> None:
    """config.json, the index, and the first bytes of each shard."""
    source = read("hf:org/tiny-llama", hub)

    assert (source.name, parameters(source)) == ("org/tiny-llama", PARAMETERS)
    assert (source.kind, source.path) == ("hub", "hf:org/tiny-llama")
    assert source.checkpoint is not None
    assert source.checkpoint.parameters() == PARAMETERS


def test_a_revision_is_asked_for(hub: Client) -> None:
    """Another one than main, and one that is not there."""
    assert parameters(read("hf:org/tiny-llama@v1.0", hub)) == PARAMETERS
    with pytest.raises(BadInput, match="has no revision 'v9'"):
        read("hf:org/tiny-llama@v9", hub)


@pytest.mark.parametrize("wanted", ["tiny-Q8_0.gguf", "q8_0", "TINY-q8_0.gguf"])
def test_a_gguf_file_is_chosen_by_name_or_tag(wanted: str, hub: Client) -> None:
    """As llama.cpp's own -hf takes them."""
    source = read(f"hf:org/tiny-llama-GGUF:{wanted}", hub)

    assert (source.name, parameters(source)) == ("org/tiny-llama-GGUF:tiny-Q8_0.gguf", PARAMETERS)
    assert source.path == "hf:org/tiny-llama-GGUF:tiny-Q8_0.gguf"


def test_a_split_gguf_is_read_whole(hub: Client) -> None:
    """Also in a folder of its own."""
    source = read("hf:org/tiny-llama-GGUF:F16", hub)

    assert parameters(source) == PARAMETERS
    assert source.checkpoint is not None and len(source.checkpoint.files) == 2


def test_without_a_file_the_names_are_offered(hub: Client) -> None:
    """All of them, and how to write one."""
    with pytest.raises(BadInput, match=r"4 GGUF models; name one \(hf:org/tiny-llama-GGUF:big/"):
        read("hf:org/tiny-llama-GGUF", hub)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("Q4_K", "has no GGUF file 'Q4_K'; it holds"),
        ("tiny-Q4_K_L.gguf", "did you mean tiny-Q4_K_"),
        ("tiny", "'tiny' could be big/tiny-F16-00001-of-00002.gguf, tiny-Q4_K_M.gguf"),
    ],
)
def test_a_file_that_is_not_there_offers_what_is(wanted: str, said: str, hub: Client) -> None:
    """The nearest, or all."""
    with pytest.raises(BadInput, match=re.escape(said)):
        read(f"hf:org/tiny-llama-GGUF:{wanted}", hub)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gated", "is gated: accept the licence at http://127.0.0.1:"),
        ("busy", "too many requests; wait 30 seconds"),
        ("broken", "answers 503; try again later"),
        ("garbled", "is no JSON"),
        ("badtoken", "does not accept the token"),
        ("tiny-lama", "no such model; did you mean hf:org/tiny-llama or"),
        ("nothing-like-it", "no such model (a private one needs HF_TOKEN)"),
        ("slow", "did not answer in time, and it is not in the cache"),
    ],
)
def test_refusals_say_what_to_do(name: str, said: str, hub: Client) -> None:
    """Each of the ways that the hub has to say no."""
    with pytest.raises(BadInput, match=re.escape(said)):
        read(f"hf:org/{name}", hub)


def test_a_token_without_access_is_told_so(hub: Client) -> None:
    """Logged in, and the licence not accepted."""
    with pytest.raises(BadInput, match="the token has no access yet: accept the licence"):
        read("hf:org/forbidden", with_token(hub))


def test_a_token_stays_with_the_hub(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The redirect leads elsewhere, and the token does not follow."""
    seen: list[tuple[str, str | None]] = []
    answer = Hub.do_GET

    def watched(self: Hub) -> None:
        seen.append((self.path, self.headers.get("Authorization")))
        answer(self)

    monkeypatch.setattr(Hub, "do_GET", watched)
    read("hf:org/tiny-llama", with_token(hub))

    assert {token for path, token in seen if not path.startswith("/cdn/")} == {"Bearer hf_secret"}
    assert {token for path, token in seen if path.startswith("/cdn/")} == {None}


def test_no_weights_are_downloaded(hub: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a file is, its header is what is asked for."""
    big = [("token_embd.weight", "f16", [64, 96]), ("output.weight", "f32", [1 << 20, 1 << 10])]
    root = hub.cache.parent / "hub"
    write_gguf(root / "org" / "tiny-llama-GGUF" / "big.gguf", LLAMA, [*big, *llama_tensors()[1:]])
    sent: list[int] = []
    reply = Hub.reply

    def counted(self: Hub, status: int, body: bytes = b"", **headers: str) -> None:
        sent.append(len(body))
        reply(self, status, body, **headers)

    monkeypatch.setattr(Hub, "reply", counted)
    source = read("hf:org/tiny-llama-GGUF:big.gguf", hub)

    assert source.checkpoint is not None and source.checkpoint.size > 4 << 30
    assert sum(sent) < 1 << 20


def test_a_server_without_ranges_is_not_downloaded_from(
    hub: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some mirrors send whole files."""
    monkeypatch.setattr(Hub, "ranges", False)
    root = hub.cache.parent / "hub" / "org" / "tiny-llama-GGUF"
    with (root / "tiny-Q8_0.gguf").open("r+b") as file:
        file.truncate(1 << 21)

    with pytest.raises(BadInput, match="does not send parts of files"):
        read("hf:org/tiny-llama-GGUF:tiny-Q8_0.gguf", hub)


def test_what_the_cache_has_is_not_asked_for_again(hub: Client) -> None:
    """The same commit, whole."""
    cached = hub.cache / "models--org--tiny-llama" / "snapshots" / COMMIT
    write_folder(cached)
    source = read("hf:org/tiny-llama", hub)

    assert (source.name, source.path) == ("org/tiny-llama", str(cached))


def test_offline_the_cache_answers(tmp_path: Path) -> None:
    """With a word that it may be old, and none of the network."""
    pytest.importorskip("huggingface_hub")
    client = Client(endpoint="http://127.0.0.1:9", cache=tmp_path, offline=True)
    write_folder(tmp_path / "models--org--tiny" / "snapshots" / COMMIT)
    (tmp_path / "models--org--config" / "snapshots" / COMMIT).mkdir(parents=True)
    config = tmp_path / "models--org--config" / "snapshots" / COMMIT / "config.json"
    config.write_text(json.dumps(CONFIG))
    source = read("hf:org/tiny", client)

    assert source.notes == ("HF_HUB_OFFLINE is set: this is the copy in the cache",)
    assert parameters(read("hf:org/config", client)) == PARAMETERS
    with pytest.raises(BadInput, match="HF_HUB_OFFLINE is set, and it is not in the cache"):
        read("hf:org/other", client)


def test_without_a_network_the_cache_answers(tmp_path: Path) -> None:
    """A port that nobody listens on."""
    pytest.importorskip("huggingface_hub")
    client = Client(endpoint="http://127.0.0.1:9", cache=tmp_path)
    write_folder(tmp_path / "models--org--tiny" / "snapshots" / COMMIT)

    assert (
        "127.0.0.1:9 could not be reached: this is the copy" in read("hf:org/tiny", client).notes[0]
    )
    with pytest.raises(BadInput, match="could not be reached, and it is not in the cache"):
        read("hf:org/other", client)


def test_without_the_package_the_command_to_install_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is an extra, since most people never need it."""
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub.constants", None)

    with pytest.raises(BadInput) as caught:
        read("hf:org/name")
    assert str(caught.value) == MISSING
    assert "pip install 'llm-fitcheck[hub]'" in MISSING


def test_tags_do_not_match_inside_words() -> None:
    """Q4_K is not Q4_K_M, and 1 is not 10."""
    files = ["m-Q4_K_M.gguf", "m-Q4_K.gguf", "m-IQ4_XS.gguf", "Q5_K/m-00001-of-00002.gguf"]

    assert choose("q4_k", files, "hf:m") == "m-Q4_K.gguf"
    assert choose("q5_k", files, "hf:m") == "Q5_K/m-00001-of-00002.gguf"
    with pytest.raises(BadInput):
        choose("q4_xs", files, "hf:m")
