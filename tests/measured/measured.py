"""Every measured figure that we have, beside ours."""

from collections.abc import Callable, Iterator
from typing import Final

from measured_llamacpp import buffers, files, places, starts
from measured_published import published, unseen
from measured_rows import Figure
from measured_transformers import counted_op_by_op, older_versions, tables_of_qwen
from measured_vllm import vllm_ranks
from measured_vllm_logs import vllm_logs

TABLES: Final[dict[str, Callable[[], Iterator[Figure]]]] = {
    "peaks": counted_op_by_op,
    "versions": older_versions,
    "qwen": tables_of_qwen,
    "files": files,
    "places": places,
    "buffers": buffers,
    "starts": starts,
    "vllm": vllm_ranks,
    "vllm_logs": vllm_logs,
    "published": published,
    "unseen": unseen,
}
