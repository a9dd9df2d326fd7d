"""`hf:ORG/NAME[@REVISION][:FILE]`."""

import re
from typing import Final

import msgspec

from fitcheck.errors import BadInput

# Names on the hub: letters, digits, dot, dash, underscore. The oldest models have no organisation.
_ADDRESS: Final = re.compile(
    r"hf:(?P<repo>[\w.-]{1,96}(?:/[\w.-]{1,96})?)(?:@(?P<revision>[^:@\s]{1,200}))?(?::(?P<file>.{1,255}))?",
    re.ASCII,
)


class Address(msgspec.Struct, frozen=True):
    """A repository, the revision of it (`main` unless one is given), and a file in it or none."""

    repo: str
    revision: str = "main"
    file: str = ""

    def __str__(self) -> str:
        """As it was typed, without the file."""
        return f"hf:{self.repo}" + (f"@{self.revision}" if self.revision != "main" else "")


def parse(text: str) -> Address:
    """What was typed, in its parts. Raises BadInput where it is no address."""
    match = _ADDRESS.fullmatch(text)
    if match is None or ".." in match["repo"]:
        raise BadInput(f"'{text}' is no model on the hub: write hf:ORG/NAME[@REVISION][:FILE.gguf]")
    return Address(match["repo"], match["revision"] or "main", match["file"] or "")
