"""What reading or writing files can run into, in plain words."""

import errno

__all__ = ["OutputError", "SourceError", "TargetError", "as_shown", "in_words"]

_WORDS = {
    errno.EACCES: "no permission",
    errno.EDQUOT: "the disk quota is used up",
    errno.EEXIST: "exists already and is not a directory",
    errno.EFBIG: "the file system does not take files of this size",
    errno.EISDIR: "is a directory",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "does not exist",
    errno.ENOSPC: "the disk is full",
    errno.ENOTDIR: "a part of the path is a file, not a directory",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
}


class _FileError(Exception):
    """``name`` is the file as a message calls it, ``problem`` what is the matter with it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, problem)
        self.name = as_shown(name)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}"


class SourceError(_FileError):
    """An input that cannot be found, read or unpacked. The other inputs are not touched by it."""


class TargetError(_FileError):
    """An output that cannot, or must not, be written. What was there before is still there, whole."""


class OutputError(TargetError):
    """The output of one input that must not be written. Those of the others are not touched by it."""


def as_shown(name: str) -> str:
    """A file's name for a message: without what would make a terminal dance, or begin a line of its own."""
    return "".join(c if c.isprintable() else "_" for c in name)


def in_words(error: OSError) -> str:
    """An operating system's error for a person: no number, and no path, which stands before it in the message."""
    return _WORDS.get(error.errno or 0) or (error.strerror or str(error) or type(error).__name__).lower()
