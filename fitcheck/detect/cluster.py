"""Nodes as schedulers describe them: Kubernetes labels, Slurm's scontrol."""

import re
from collections.abc import Iterator
from typing import Final

from fitcheck.detect.reading import Reading, Seen, mebibytes, nothing, total_only, whole
from fitcheck.units import MIB, Bytes

# More than any node has.
MOST_CARDS: Final = 64
_LABEL = re.compile(r'"?nvidia\.com/((?:gpu|mig|cuda|gfd)[\w.-]*)"?\s*[:=]\s*"?([^",\s]*)')
_SLICE = re.compile(r"-MIG-(\d{1,2}g\.\d{1,3}gb\S*?)(?:-SHARED)?$")


def parse_labels(text: str) -> Reading:
    """`kubectl get node -o yaml` (or json, or describe): GPU feature discovery's labels.

    Its product name has dashes for spaces, `-MIG-1g.10gb` where all instances are alike, `-SHARED`
    where programs take turns. Of several nodes the first that has GPUs.
    """
    asked = "kubectl (GPU feature discovery)"
    nodes = [n for n in _nodes(text) if n.get("gpu.product")]
    if not nodes:
        return nothing(asked, "no node carries the label nvidia.com/gpu.product")
    node = nodes[0]
    product = node["gpu.product"]
    piece = _SLICE.search(product)
    name = product[: piece.start()] if piece else product.removesuffix("-SHARED")
    driver = ".".join(
        node[k] for k in (f"cuda.driver.{p}" for p in ("major", "minor", "rev")) if node.get(k)
    )
    count = min(whole(node.get("gpu.count")) or 1, MOST_CARDS)
    total = mebibytes(node.get("gpu.memory"))
    cards = tuple(
        Seen(
            name=name.replace("-", " "), vendor="nvidia", index=n, slice=piece[1] if piece else "",
            total=total, reserved=total_only(total, driver),
            compute_capability=_capability(node),
        )
        for n in range(count)
    )  # fmt: skip
    return Reading(asked=asked, cards=cards, driver=driver or None, notes=_others(len(nodes)))


def _capability(node: dict[str, str]) -> float | None:
    major, minor = (whole(node.get(f"gpu.compute.{part}")) for part in ("major", "minor"))
    return None if major is None or minor is None else major + minor / 10


def _nodes(text: str) -> list[dict[str, str]]:
    """Labels by node: a key that comes again begins the next."""
    nodes: list[dict[str, str]] = [{}]
    for key, value in _LABEL.findall(text):
        if key in nodes[-1] and key == "gpu.count":
            nodes.append({})
        nodes[-1].setdefault(key, value)
    return nodes


def _others(count: int) -> tuple[str, ...]:
    return (f"{count} nodes are described: this is the first",) if count > 1 else ()


_GRES = re.compile(r"\bgpu:([A-Za-z][\w.-]{0,63}):(\d{1,4})")
_TRES = re.compile(r"\bgres/gpu:([A-Za-z][\w.-]{0,63})=(\d{1,4})")


def parse_scontrol(text: str) -> Reading:
    """`scontrol show node`: kinds and numbers of GPUs, RAM; no GPU memory. The first node."""
    asked = "scontrol show node"
    nodes = [n for n in re.split(r"(?=\bNodeName=)", text) if n.startswith("NodeName=")]
    gpus = [(n, kinds) for n in nodes if (kinds := _kinds(n))]
    if not gpus:
        return nothing(asked, "no node has a GPU of a named kind")
    node, kinds = gpus[0]
    named = [name for name, count in kinds for _ in range(min(count, MOST_CARDS))]
    cards = tuple(
        Seen(name=name.replace("_", " "), index=n) for n, name in enumerate(named[:MOST_CARDS])
    )
    ram, taken = _size(node, "RealMemory"), _size(node, "AllocMem")
    return Reading(
        asked=asked,
        cards=cards,
        ram_total=ram,
        ram_available=None if ram is None else Bytes(max(ram - (taken or 0), 0)),
        notes=(*_others(len(gpus)), *_slurm_notes(node, len(cards))),
    )


def _kinds(node: str) -> list[tuple[str, int]]:
    """From `Gres=gpu:a100:4(S:0)`, else `CfgTRES=...gres/gpu:a100=4`."""
    gres = _GRES.findall(_value(node, "Gres"))
    return [(k, int(n)) for k, n in gres or _TRES.findall(_value(node, "CfgTRES"))]


def _slurm_notes(node: str, count: int) -> Iterator[str]:
    held = re.search(r"\bgres/gpu=(\d{1,4})", _value(node, "AllocTRES"))
    if held and int(held[1]):
        yield f"{held[1]} of its GPUs are allocated to jobs now"
    every = re.search(r"\bgres/gpu=(\d{1,4})", _value(node, "CfgTRES"))
    if every and int(every[1]) > count:
        yield f"{int(every[1]) - count} more GPUs have no kind (MIG instances?)"


def _value(node: str, key: str) -> str:
    found = re.search(rf"(?:^|\s){key}=(\S*)", node)
    return found[1] if found else ""


def _size(node: str, key: str) -> Bytes | None:
    mib = whole(_value(node, key))
    return None if mib is None else Bytes(mib * MIB)
