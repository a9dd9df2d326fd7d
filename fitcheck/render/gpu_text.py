"""One card told in lines, and the table of what clouds rent out."""

from collections.abc import Iterable, Iterator

from fitcheck.cards.listed import Listed
from fitcheck.catalog.cloud import Instance
from fitcheck.catalog.gpus import Gpu
from fitcheck.render.grid import Cell, Column, Grid, size
from fitcheck.units import mib


def text(listed: Listed) -> str:
    """Everything that the table has of the card, with its source."""
    gpu = listed.gpu
    lines = [f"{gpu.name} ({gpu.id})"]
    lines += [f"{label:<22}{value}" for label, value in _facts(listed) if value]
    return "\n".join(lines) + "\n"


def _facts(listed: Listed) -> Iterator[tuple[str, str]]:
    gpu, card = listed.gpu, listed.card
    yield "maker", ", ".join(part for part in (gpu.vendor, gpu.architecture, gpu.kind) if part)
    yield "called", ", ".join(dict.fromkeys((gpu.model, *gpu.aliases)))
    yield "on its box", f"{gpu.nominal_gb:g} GB" if gpu.nominal_gb else ""
    yield from _memory(gpu)
    if card is not None:
        kept = f", the driver keeps {size(card.reserved)}" if card.reserved else ""
        yield "usable when idle", f"{size(card.available)}{kept} ({card.source})"
    yield "bandwidth", f"{gpu.bandwidth:g} GB/s" if gpu.bandwidth else "not known"
    yield from _compute(gpu)
    yield "joined by", _joined(gpu)
    yield "power", f"{gpu.tdp_w:g} W" if gpu.tdp_w else ""
    yield "released", gpu.release
    yield "devices on a board", str(gpu.devices_per_board) if gpu.devices_per_board > 1 else ""
    yield "notes", gpu.notes
    yield "source", gpu.source


def _memory(gpu: Gpu) -> Iterator[tuple[str, str]]:
    ecc = f" with ECC {gpu.ecc}" if gpu.ecc else ""
    other = f", {mib(gpu.total_other_ecc)} MiB in the other state" if gpu.total_other_ecc else ""
    yield "its driver reports", f"{mib(gpu.total)} MiB{ecc}{other}" if gpu.total else ""
    yield "programs saw", f"{mib(gpu.visible)} MiB" if gpu.visible else ""
    limits = ((gpu.metal_macos15, "macOS 15"), (gpu.metal_macos26, "macOS 26"))
    yield "Metal gives", ", ".join(f"{mib(limit)} MiB ({of})" for limit, of in limits if limit)


def _compute(gpu: Gpu) -> Iterator[tuple[str, str]]:
    yield "compute capability", f"{gpu.compute_capability:.1f}" if gpu.compute_capability else ""
    rates = (
        (gpu.fp16_tflops, "FP16 TFLOP/s"),
        (gpu.int8_tops, "INT8 TOP/s"),
        (gpu.fp32_tflops, "FP32 TFLOP/s"),
    )
    yield "dense rates", ", ".join(f"{rate:g} {of}" for rate, of in rates if rate)
    units = {"bf16": gpu.bf16, "fp8": gpu.fp8, "fp4": gpu.fp4, "int8": gpu.int8}
    yield "units for", ", ".join(name for name, has in units.items() if has)
    yield "none for", ", ".join(name for name, has in units.items() if has is False)


def _joined(gpu: Gpu) -> str:
    lanes = f" x{gpu.pcie_lanes:g}" if gpu.pcie_lanes else ""
    links = [f"PCIe {gpu.pcie_gen:.1f}{lanes}"] if gpu.pcie_gen else []
    links += [f"NVLink {gpu.nvlink_gb_s:g} GB/s"] if gpu.nvlink_gb_s else []
    return ", ".join(links)


def instances(found: Iterable[Instance]) -> Grid:
    """What is typed, what cards are in it, RAM, and what an hour costs."""
    columns = (
        Column("INSTANCE"),
        Column("CARDS"),
        Column("VCPUS", "right", rank=0),
        Column("RAM", "right", rank=1),
        Column("USD/H", "right", rank=2),
    )
    below = (
        "",
        "USD/H: on demand, Linux, us-east-1, as the clouds listed it on the date in --json",
    )
    return Grid(columns=columns, rows=tuple(map(_instance, found)), below=below)


def _instance(row: Instance) -> tuple[Cell, ...]:
    what = row.gpu or row.card
    slices = f" ({size(row.memory)} each)" if row.memory else ""
    count = "?" if row.count is None else str(row.count)
    return (
        Cell(row.id),
        Cell(f"{count}x {what}{slices}"),
        Cell("?" if row.vcpus is None else str(row.vcpus)),
        Cell("?" if row.ram is None else size(row.ram)),
        Cell("?" if row.price is None else f"{row.price:.2f}"),
    )
