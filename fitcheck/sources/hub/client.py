"""Requests to the hub, through huggingface_hub's own session: its proxies, tokens and endpoint.

Only what all its versions from 0.30 to 2 have in common is used, and neither requests nor httpx,
which lie below it, by name.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from fitcheck.errors import BadInput

MISSING: Final = (
    "hf: needs the package huggingface_hub, which is not installed:"
    " pip install 'llm-fitcheck[hub]' (or download the config.json and give its path)"
)


def library(module: str) -> Any:  # noqa: ANN401 (its versions differ in their types)
    """A module of huggingface_hub. Raises BadInput where it is not installed."""
    try:
        return import_module(f"huggingface_hub{module}")
    except ImportError:
        raise BadInput(MISSING) from None


class Unreachable(BadInput):
    """The hub did not answer."""


class Answer(msgspec.Struct, frozen=True):
    """A response: its status, its headers, and as much of its body as was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Response(Protocol):
    """What the responses of requests and of httpx have in common."""

    status_code: int
    headers: Mapping[str, str]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub is and how it is asked. `token` is None where there is none."""

    endpoint: str
    cache: Path
    token: str | None = None
    offline: bool = False
    timeout: float = 10

    @classmethod
    def default(cls) -> "Client":
        """As the environment says: HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE, HF_HUB_OFFLINE.

        Raises BadInput where huggingface_hub is not installed.
        """
        constants = library(".constants")
        return cls(
            endpoint=str(constants.ENDPOINT),
            cache=Path(constants.HF_HUB_CACHE),
            token=library("").get_token(),
            offline=bool(constants.HF_HUB_OFFLINE),
            timeout=float(constants.HF_HUB_DOWNLOAD_TIMEOUT),
        )

    @property
    def host(self) -> str:
        """The endpoint without `https://`, as sentences name it."""
        return self.endpoint.partition("://")[2] or self.endpoint

    def get(self, url: str, most: int, span: tuple[int, int] | None = None) -> Answer:
        """An answer with at most `most` bytes of its body; of the bytes of `span` if it is given.

        Redirects are followed; a token stays with the hub. Raises Unreachable where none comes.
        """
        headers = self._headers()
        if span is not None:
            headers["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        try:
            with _streamed(url, headers, self.timeout) as response:
                body = b"".join(_upto(_chunks(response), most))
                return Answer(response.status_code, response.headers, body)
        except BadInput:
            raise
        except Exception as error:
            raise Unreachable(f"{self.host} {_reason(error)}") from None

    def _headers(self) -> dict[str, str]:
        build = library(".utils").build_hf_headers
        headers: dict[str, str] = build(token=self.token or False, library_name="fitcheck")
        # Bytes are counted, so they are wanted as they lie there.
        return headers | {"Accept-Encoding": "identity"}


@contextmanager
def _streamed(url: str, headers: Mapping[str, str], timeout: float) -> Iterator[Response]:
    """A response whose body has not been read: httpx streams by a method, requests by a flag."""
    session = library(".utils").get_session()
    if callable(session.stream):
        with session.stream("GET", url, headers=headers, timeout=timeout) as response:
            yield response
    else:
        with session.get(url, headers=headers, timeout=timeout, stream=True) as response:
            yield response


def _chunks(response: Response) -> Iterator[bytes]:
    name = "iter_bytes" if hasattr(response, "iter_bytes") else "iter_content"
    yield from getattr(response, name)(1 << 16)


def _upto(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:most]
        most -= len(chunk)
        if most <= 0:
            return


# The packages that huggingface_hub has sent requests through: requests to 0.36, httpx from 1.0.
_NETWORK: Final = {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"}


def _is_network(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _NETWORK


def _reason(error: Exception) -> str:
    """Why no answer came, in a few words."""
    names = " ".join(kind.__name__ for kind in type(error).__mro__)
    if "Timeout" in names:
        return "did not answer in time"
    if "Proxy" in names:
        return "could not be reached through the proxy"
    if "SSL" in names or "CERTIFICATE" in str(error):
        return "could not be reached safely (its certificate was not accepted)"
    return "could not be reached"
