"""How far llama.cpp's compute buffers, as we lay them out, are from those that it reserved.

    python benchmarks/llamacpp_buffers.py

Reads all of tests/golden/llamacpp_buffers*.csv, prints by architecture how many devices' buffers
are exact and the median, 95th percentile and worst error, then the worst rows, and how long it
took. Nothing is fitted: the graphs follow llama.cpp's source.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "engines" / "llama_cpp")]

from llamacpp_buffer_rows import rows  # noqa: E402 (the path is set above)

TABLES = ("llamacpp_buffers.csv", "llamacpp_buffers_other.csv", "llamacpp_heldout.csv")


def main() -> None:
    """Lay everything out and print how far off it is."""
    measured = [row for name in TABLES for row in rows(name) if not row.refused]
    start = time.perf_counter()
    errors: dict[str, list[float]] = defaultdict(list)
    listed = []
    for row in measured:
        arch = row.buffers.subject.file.arch
        for device, theirs in zip(row.devices, row.compute, strict=True):
            ours = row.buffers.size(row.settings, row.split, row.cards, device)
            error = abs(ours / theirs - 1) if theirs else float(ours != theirs)
            errors[arch].append(error)
            if error:
                listed.append((error, row.model, device, row.settings))
    seconds = time.perf_counter() - start

    print(f"{'architecture':<16}{'buffers':>8}{'exact':>8}{'median':>9}{'95 %':>9}{'worst':>9}")
    for arch, found in sorted(errors.items()):
        print(line(arch, found))
    print(line("all", [error for found in errors.values() for error in found]))
    for worst in sorted(listed, key=lambda each: -each[0])[:10]:
        print(*worst)
    print(f"{len(measured)} starts in {seconds:.1f} s")


def line(name: str, found: list[float]) -> str:
    """One architecture's errors."""
    found.sort()
    median, high = (found[int(part * (len(found) - 1))] for part in (0.5, 0.95))
    exact = sum(not error for error in found)
    figures = "".join(f"{error:>9.2%}" for error in (median, high, found[-1]))
    return f"{name:<16}{len(found):>8}{exact:>8}{figures}"


if __name__ == "__main__":
    main()
