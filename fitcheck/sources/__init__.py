"""DOOR: models that people bring, as files, folders, or names on the Hugging Face hub."""

from fitcheck.sources.source import Source

__all__ = ["Source", "read"]


def read(path: str) -> Source:
    """The model at a path, or at `hf:ORG/NAME`, the one way to use the network.

    Raises BadInput where there is none, saying what is there instead.
    """
    if path.startswith("hf:"):
        from fitcheck.sources.hub import read as read_hub

        return read_hub(path)
    from fitcheck.sources.disk import read as read_disk

    return read_disk(path)
