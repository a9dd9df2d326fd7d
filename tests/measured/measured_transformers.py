"""transformers: peaks counted op by op, and tables that Qwen published."""

from collections.abc import Iterator
from typing import Final

from measured_rows import Asked, Figure, configs, loaded, memory_of, rows, seen
from transformers_golden import QWEN

from fitcheck.engines.base import Memory, Range, Workload
from fitcheck.units import GIB, MIB


def counted_op_by_op() -> Iterator[Figure]:
    """transformers 5.23.0, a prompt and two tokens after it: the highest sum of what was allocated.

    What the allocator had reserved at the end, with the CUDA context as we count it, is what
    nvidia-smi would show. Of that it gives back what is not used before it fails on a smaller card
    (torch 2.13, CUDACachingAllocator.cpp, release_cached_blocks): whether a run goes on one is
    told by what was allocated. A model cut to few layers is no model that is run: of it no range is
    stated, which is for the most part the process's own.
    """
    for run in _runs("transformers_peaks.csv", ("padded", "kernels")):
        row = run[0]
        settings = {"padded": "yes"} if row["padded"] else {}
        memory = _run(row, {"kernels": "yes" if row["kernels"] else "no"} | settings)
        highest = max(sum(int(r[k]) for k in ("weights", "cache", "activations")) for r in run)
        yield _peak("transformers 5.23, allocated", row, memory, highest)
        if len(run) == 2:
            beside = memory.component("overhead")
            reserved = max(int(r["reserved"]) for r in run)
            yield Figure(
                table="transformers 5.23, reserved and the CUDA context",
                engine="transformers",
                name=_name(row),
                ours=memory.total.expected,
                measured=(reserved + beside,),
                total=_stated(row, memory),
                unseen=highest - reserved,
            )


def older_versions() -> Iterator[Figure]:
    """transformers 4.37 to 4.57, counted the same way."""
    for run in _runs("transformers_versions.csv", ("transformers",)):
        memory = _run(run[0], {"transformers": run[0]["transformers"]})
        highest = max(int(row["total"]) for row in run)
        yield _peak("transformers 4.37 to 4.57, allocated", run[0], memory, highest)


def _runs(name: str, more: tuple[str, ...]) -> Iterator[list[dict[str, str]]]:
    """Prefill and decode of each run."""
    found: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows(name):
        key = tuple(row[k] for k in ("model", "attention", "batch", "prompt", *more))
        found.setdefault(key, []).append(row)
    yield from found.values()


def _run(row: dict[str, str], settings: dict[str, str]) -> Memory:
    """The prompt, and two tokens after it."""
    prompt = int(row["prompt"])
    asked = Workload(
        prompt=prompt,
        context=prompt + 2,
        batch=int(row["batch"]),
        attention=row["attention"],
        settings=settings,
    )
    return memory_of(loaded("transformers", row["model"], "bf16"), asked)


def _peak(table: str, row: dict[str, str], memory: Memory, highest: int) -> Figure:
    return Figure(
        table=table,
        engine="transformers",
        name=_name(row),
        ours=seen(memory),
        measured=(highest,),
        total=_stated(row, memory),
        unseen=memory.component("overhead"),
        asked=_asked(row),
    )


def _asked(row: dict[str, str]) -> Asked | None:
    usual = row["attention"] == "sdpa" and not row.get("padded") and "-few-" not in row["model"]
    if not usual or "transformers" in row:
        return None
    context, batch = int(row["prompt"]) + 2, int(row["batch"])
    return Asked(model=row["model"], scheme="bf16", context=context, batch=batch)


def _stated(row: dict[str, str], memory: Memory) -> Range | None:
    return None if row.get("rows") == "few layers" else memory.total


def _name(row: dict[str, str]) -> str:
    keys = ("model", "transformers", "attention", "batch", "prompt", "padded", "kernels")
    return " ".join(row[k] for k in keys if row.get(k))


HEAD: Final = "one matrix of the head more, in all rows alike; the library has it once"


def tables_of_qwen() -> Iterator[Figure]:
    """What Qwen published of Qwen1.5, Qwen2 and Qwen3.

    Tables of Qwen3 grow with the cache alone: they show what stays between steps.
    """
    return map(_of_qwen, rows("transformers_published.csv"))


def _of_qwen(row: dict[str, str]) -> Figure:
    prompt, cards, packing = int(row["prompt"]), int(row["cards"]), QWEN[row["quantization"]]
    asked = Workload(
        context=prompt + int(row["generated"]),
        prompt=prompt,
        attention="flash",
        settings={"transformers": row["transformers"]},
    )
    memory = memory_of(loaded("transformers", row["model"], packing), asked, cards)
    stays = row["transformers"] == "4.51"
    where = "what stays" if stays else "one card" if cards == 1 else "several cards"
    kept = memory.component("weights") + memory.component("kv_cache")
    tied = configs()[row["model"]].get("tie_word_embeddings")
    told = Asked(model=row["model"], scheme=packing, context=asked.context)
    return Figure(
        table=f"Qwen's tables, {row['model'].split('-')[0]}, {where}",
        engine="transformers",
        name=f"{row['model']} {row['quantization']} prompt {prompt}",
        ours=kept if stays else seen(memory),
        measured=(round(float(row["memory"]) * (GIB if row["unit"] == "GiB" else MIB)),),
        total=memory.total,
        unseen=memory.component("overhead"),
        cards=cards,
        note=HEAD if stays and packing == "fp8" and tied else "",
        asked=told if where == "one card" else None,
    )
