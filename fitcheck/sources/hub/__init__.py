"""A model on the Hugging Face hub: the only room that may use the network, and only for `hf:`."""

from pathlib import Path

import msgspec

from fitcheck.errors import BadInput
from fitcheck.sources import contents, disk
from fitcheck.sources.files import listed
from fitcheck.sources.hub.address import Address, parse
from fitcheck.sources.hub.client import Client, Unreachable
from fitcheck.sources.hub.repository import Repository, choose
from fitcheck.sources.source import Source

__all__ = ["Address", "Client", "parse", "read"]


def read(text: str, client: Client | None = None) -> Source:
    """The model at `hf:ORG/NAME[@REVISION][:FILE]`, by its headers alone.

    From the cache where the hub is not to be asked (HF_HUB_OFFLINE), cannot be reached, or has
    nothing newer. Raises BadInput, with what to do about it.
    """
    address = parse(text)
    client = client or Client.default()
    if client.offline:
        return _cached(address, client, "HF_HUB_OFFLINE is set")
    try:
        repository = Repository(client, address)
        local = _snapshot(address, client, repository.commit)
        return (local and _complete(address, local)) or _read(address, repository)
    except Unreachable as error:
        return _cached(address, client, str(error))


def _read(address: Address, repository: Repository) -> Source:
    if address.file:
        file = choose(address.file, contents.gguf_models(repository.names), str(address))
        found = contents.read_gguf(repository, file, f"{address.repo}:{file}")
        return msgspec.structs.replace(found, path=f"{address}:{file}")
    ggufs = contents.gguf_models(repository.names)
    if len(ggufs) > 1 and "config.json" not in repository.names:
        first = f"{address}:{ggufs[0]}"
        raise BadInput(
            f"{address}: holds {len(ggufs)} GGUF models; name one ({first}): {listed(ggufs, 40)}"
        )
    return contents.read(repository, address.repo)


def _snapshot(address: Address, client: Client, commit: str) -> Path | None:
    """The folder of that commit in the cache, None where it is not there."""
    found = client.cache / f"models--{address.repo.replace('/', '--')}" / "snapshots" / commit
    return found if commit and found.is_dir() else None


def _complete(address: Address, folder: Path) -> Source | None:
    """What the cache has of it, None where that is not all."""
    try:
        source = _from(address, folder)
    except BadInput:
        return None
    return source if source.checkpoint is not None else None


def _from(address: Address, folder: Path) -> Source:
    if not address.file:
        return disk.read_folder(folder)
    local = disk.deep_folder(folder)
    file = choose(address.file, contents.gguf_models(local.names), str(address))
    return contents.read_gguf(local, file, f"{address.repo}:{file}")


def _cached(address: Address, client: Client, why: str) -> Source:
    """What the cache has, weights or not. Raises BadInput where it has nothing."""
    folder = client.cache / f"models--{address.repo.replace('/', '--')}"
    if not folder.is_dir():
        raise BadInput(f"{address}: {why}, and it is not in the cache ({client.cache})")
    snapshot = disk.snapshot(folder, address.revision)
    note = f"{why}: this is the copy in the cache"
    try:
        source = _from(address, snapshot)
    except BadInput:
        if not (snapshot / "config.json").is_file():
            raise
        source = disk.read(str(snapshot / "config.json"))
        note = f"{why}: config.json is in the cache, the weights are not"
    return msgspec.structs.replace(source, notes=(*source.notes, note))
