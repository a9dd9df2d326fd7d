"""What the hub's refusals mean, and what to do about each.

Source of the codes: huggingface_hub 2.4.0 (2026-11), utils/_http.py, hf_raise_for_status.
"""

from urllib.parse import quote

from fitcheck.errors import BadInput, nearest
from fitcheck.sources.hub.address import Address
from fitcheck.sources.hub.client import Answer, Client
from fitcheck.sources.json_text import mapping
from fitcheck.units import MIB


def refusal(answer: Answer, client: Client, address: Address) -> BadInput:
    """The complaint that an answer which is none amounts to."""
    code = answer.headers.get("X-Error-Code", "")
    if code == "GatedRepo":
        return BadInput(f"{address}: {_gated(client, address)}")
    if code == "RevisionNotFound":
        return BadInput(f"{address}: has no revision '{address.revision}'")
    if code == "EntryNotFound":
        return BadInput(f"{address}: a file that it lists is not there")
    if answer.headers.get("X-Error-Message", "").startswith("Invalid credentials"):
        return BadInput(f"{address}: {client.host} does not accept the token (HF_TOKEN)")
    if answer.status == 429:
        return BadInput(f"{address}: {client.host} has had too many requests{_wait(answer)}")
    if code == "RepoNotFound" or answer.status in (401, 403, 404):
        return BadInput(f"{address}: {_unknown(client, address)}")
    return BadInput(f"{address}: {client.host} answers {answer.status}; try again later")


def _gated(client: Client, address: Address) -> str:
    page = f"{client.endpoint}/{address.repo}"
    if client.token:
        return f"is gated, and the token has no access yet: accept the licence at {page}"
    return f"is gated: accept the licence at {page}, then set HF_TOKEN (or `hf auth login`)"


def _wait(answer: Answer) -> str:
    seconds = answer.headers.get("Retry-After", "")
    return f"; wait {seconds} seconds" if seconds.isdecimal() else "; wait a few minutes"


def _unknown(client: Client, address: Address) -> str:
    near = _near(client, address)
    offer = f"; did you mean {' or '.join(near)}?" if near else ""
    private = "" if client.token or offer else " (a private one needs HF_TOKEN)"
    return f"{client.host} has no such model{private}{offer}"


def _near(client: Client, address: Address) -> list[str]:
    """Models of the same organisation with names like it; none where the hub does not say."""
    author, _, name = address.repo.rpartition("/")
    if not author:
        return []
    url = f"{client.endpoint}/api/models?author={quote(author)}&limit=1000"
    try:
        answer = client.get(url, 8 * MIB)
        listing = mapping(b'{"models": ' + answer.body + b"}", "")["models"]
    except BadInput:
        return []
    ids = [m.get("id") for m in listing if isinstance(m, dict)] if isinstance(listing, list) else []
    names = {i.rpartition("/")[2].lower(): f"hf:{i}" for i in ids if isinstance(i, str)}
    return [names[n] for n in nearest(name, names)]
