"""What options take, beyond words and numbers: tokens, sizes, counts of parameters."""

from typing import Any

import click

from fitcheck.units import Bytes, parse_size


class Tokens(click.ParamType[int]):
    """`4096`, `8k`, `128k`, `1M`: a count of tokens."""

    name = "tokens"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  (click's signature)
        """Whole and at least 1, thousands of 1024."""
        word = str(value).strip().lower().replace("_", "").replace(",", "")
        factor = {"k": 1 << 10, "m": 1 << 20}.get(word[-1:], 1)
        digits = word[:-1] if factor > 1 else word
        if not digits.isascii() or not digits.isdigit() or not 0 < int(digits) * factor < 1 << 40:
            self.fail(f"'{value}' is no number of tokens (4096, 8k, 128k)", param, ctx)
        return int(digits) * factor


class Finite(click.FloatRange):
    """A number in a range, which click lets `nan` be: neither too small nor too large."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:  # noqa: ANN401  (click's signature)
        """As FloatRange; no `nan` and no `inf`."""
        from math import isfinite

        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"'{value}' is no number", param, ctx)
        return number


class Size(click.ParamType[Bytes]):
    """`64GB`, `32GiB`: an amount of memory."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> Bytes:  # noqa: ANN401  (click's signature)
        """As a card's box or a memory module says it."""
        size = parse_size(str(value))
        if size is None or size <= 0:
            self.fail(f"'{value}' is no amount of memory (64GB, 32GiB)", param, ctx)
        return size


class Count(click.ParamType[int]):
    """`7B`, `117M`, `500000`: a number of parameters."""

    name = "count"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:  # noqa: ANN401  (click's signature)
        """Billions and millions of 10^9 and 10^6."""
        word = str(value).strip().lower()
        factor = {"b": 10**9, "m": 10**6, "k": 10**3, "t": 10**12}.get(word[-1:], 1)
        try:
            number = float(word[:-1] if factor > 1 else word) * factor
        except ValueError:
            number = -1
        if not 0 < number < 1e16:
            self.fail(f"'{value}' is no number of parameters (7B, 500M)", param, ctx)
        return round(number)
