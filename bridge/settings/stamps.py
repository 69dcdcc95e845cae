"""When has a file changed? Told by what the system knows of it, without reading it."""

import os
from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["Stamp", "stamp_of", "still_so"]

#: What changes when a file is written, replaced, or given other permissions; None: there is no such file.
Stamp: TypeAlias = tuple[int, ...] | None


def stamp_of(path: str) -> Stamp:
    """The stamp of a file. Symbolic links are followed to their end: Kubernetes swaps one in the middle."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def still_so(stamps: Mapping[str, Stamp]) -> bool:
    """Whether each file is as it was when its stamp was taken."""
    return all(stamp_of(path) == before for path, before in stamps.items())
