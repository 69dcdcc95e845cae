"""MWS documents that are being written: a frame, and members that are put into it."""

from typing import NamedTuple

from bridge.mapping.documents_v0 import NAMESPACE
from bridge.mapping.rows import MappingError
from bridge.offline.to_json import Sink
from mws_compat.documents import DocumentKind
from mws_compat.orders import LATEST_VERSION, VERSIONS
from mws_compat.overlay import MEMBERS, write_root
from mws_compat.schema import Record
from mws_compat.stream import MAX_MEMBER_BYTES
from mws_compat.writer import MemberWriter

__all__ = ["Document", "Member", "OpenDocument", "fitting", "member_writer", "version_of"]

_BATCH = 2**18
#: What the reader takes of one member, less what stands before it: bytes without a tag's end, and tags.
_MAX_UNBROKEN = 2**20 - 2**10
_MAX_NODES = 2**17 - 2**7
#: No text shorter than this is over a limit: a character has four bytes at the most, and counts twice.
_HARMLESS = 2**16 - 2**6


def version_of(namespace: str) -> str:
    """The API version that a namespace names; the latest when it names none."""
    return next((version for version in VERSIONS if namespace.endswith(version)), LATEST_VERSION)


def fitting(text: str) -> str:
    """The XML of one member, or of what is around the members, if the reader takes it. Raises MappingError."""
    if len(text) <= _HARMLESS:
        return text
    data = text.encode()
    if len(data) > MAX_MEMBER_BYTES - 2**10:
        raise MappingError(f"more than {MAX_MEMBER_BYTES // 2**20} MiB of XML, which no reader of it would take")
    if max(map(len, data.split(b">"))) > _MAX_UNBROKEN:
        raise MappingError("a value of more than 1 MiB, which no reader of the XML would take")
    if data.count(b"<") + 2 * data.count(b"=") > _MAX_NODES:
        raise MappingError("more elements than any reader of the XML would take")
    return text


class Member(NamedTuple):
    """The XML of one member, for the document that lines are put into. ``key`` tells members apart that do not belong
    into one document; ``unknown`` is how many things it holds that no table knows, where that was not counted yet.
    ``behind`` is written behind that document."""

    kind: DocumentKind
    text: str
    key: str
    unknown: int = 0
    behind: "Document | None" = None


class Document:
    """A document, ready to be written: its root's record, and the texts of its members. ``behind`` are documents to
    be written behind the page that has the member at a place."""

    def __init__(self, kind: DocumentKind, namespace: str, head: Record, texts: list[str]) -> None:
        self.behind: dict[int, Document] = {}
        self.kind = kind
        self.namespace = namespace
        self.head = head
        self.texts = texts

    def frame(self, body: str, *, last: bool = True) -> tuple[str, str]:
        """The document around ``body``: what comes before its end, and its end. Only the ``last`` page has the
        NextToken."""
        record: Record = {**self.head}
        if self.kind.path:
            result_name, list_name = self.kind.path
            result = record.get(result_name)
            result = {**result} if isinstance(result, dict) else {}
            result[list_name] = MEMBERS if body else []
            if not last:
                result.pop("NextToken", None)
            record[result_name] = result
        elif self.kind.member:
            record[self.kind.member] = MEMBERS if body else []
        text = write_root(self.kind.root, record, namespace=self.namespace, version=version_of(self.namespace))
        before, _, after = text.partition(MEMBERS)
        return before + body, after


def _head_of(kind: DocumentKind, key: str) -> Record:
    """The record of a document made for members that came without one."""
    if kind.member == "Message":
        return {"MessageType": key}
    if kind.member == "OrderItem":
        return {kind.path[0]: {"AmazonOrderId": key} if key else {}}
    return {}


class OpenDocument:
    """A document that members are added to until something else comes."""

    def __init__(self, first: Member, sink: Sink) -> None:
        self._kind = first.kind
        self._key = first.key
        self._sink = sink
        self._count = 0
        namespace = NAMESPACE if first.kind.path else ""
        head, tail = Document(first.kind, namespace, _head_of(first.kind, first.key), []).frame(MEMBERS)
        self._waiting = [head.removesuffix(MEMBERS)]
        self._tail = tail
        self._size = 0

    def takes(self, member: Member, page: int) -> bool:
        return member.kind is self._kind and member.key == self._key and not (page and self._count >= page)

    def add(self, text: str) -> None:
        self._waiting.append(text)
        self._count += 1
        self._size += len(text)
        if self._size > _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._sink.write("".join(self._waiting).encode())
        self._waiting.clear()
        self._size = 0

    def close(self) -> None:
        self._waiting.append(self._tail)
        self._flush()


_writers: dict[tuple[str, str], MemberWriter] = {}


def member_writer(kind: DocumentKind, version: str) -> MemberWriter:
    """What writes the members of a kind of document."""
    key = (kind.root.name, version)
    if key not in _writers:
        assert kind.struct is not None  # noqa: S101 - asked only for documents that have members
        _writers[key] = MemberWriter(kind.struct, kind.member, len(kind.path) + 1, version)
    return _writers[key]
