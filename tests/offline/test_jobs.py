"""Conversion in several processes: the same bytes, and no end without a word."""

import io
import os
import signal
from contextlib import suppress

import pytest

from bridge.offline import jobs
from bridge.offline.convert import Converter, Options
from bridge.offline.faults import SourceError
from bridge.offline.jobs import Pool, WorkerError
from bridge.offline.report import Report
from mws_compat.documents import DOCUMENTS, DocumentKind
from mws_compat.schema import Struct
from tests.offline.converting import Memory, converted, items, order, orders

FILLER = "<BuyerName>" + "x" * 3000 + "</BuyerName>"


def feed(count=400, **odd):
    """Orders for several chunks; ``odd`` is what stands in those of a number."""
    inner = [
        order(f"902-{number}", odd.get(f"n{number}", "<OrderStatus>Shipped</OrderStatus>") + FILLER)
        for number in range(count)
    ]
    return orders(*inner).encode()


FEEDS = {
    "plain": feed(),
    "strangers": feed(n100="<Novel a='1'>x</Novel>", n399="<IsPrime>?</IsPrime>"),
    "comments": feed(n150="<!-- </Order> -->", n151="<!-- <Order> -->"),
    "cdata-over-blocks": feed(n200="<X><![CDATA[", n210="]]></X>"),
    "comment-over-blocks": feed(n30="<!--", n390="-->"),
    "instruction": feed(n199="<?x </Order> ?>"),
    "broken-late": feed(n380="</Order>"),
    "cut": feed()[:-4000],
    "items": items(
        *[f"<ASIN>{number}</ASIN><Title>{'x' * 3000}</Title>" for number in range(400)], behind=True
    ).encode(),
    "small": feed(3),
}


def run(converter, report, data, lines):
    del report.failures[:], report.warnings[:]
    sink = Memory()
    converter.convert("f", b"", io.BytesIO(data), sink)
    told = [str(failure) for failure in report.failures], [note.text for note in report.warnings]
    return bytes(sink.data), told


@pytest.mark.parametrize(("count", "lines"), [(2, False), (3, True)])
def test_the_same_bytes(count, lines):
    """However many processes there are, output, failures and warnings are the same."""
    one, many = Report(), Report()
    with (
        Converter(Options(lines=lines), one) as alone,
        Converter(Options(lines=lines, jobs=count), many) as together,
    ):
        for name, data in FEEDS.items():
            assert run(together, many, data, lines) == run(alone, one, data, lines), name
        assert together._pool is not None
    assert (many.members, many.unknown, many.odd, many.documents) == (
        one.members,
        one.unknown,
        one.odd,
        one.documents,
    )
    assert one.documents == 8


def test_small_inputs_need_no_processes():
    """Neither a small file nor the generic form starts any."""
    with Converter(Options(jobs=2), Report()) as converter:
        converter.convert("f", b"", io.BytesIO(FEEDS["small"]), Memory(), size=len(FEEDS["small"]))
        assert converter._pool is None
    with Converter(Options(jobs=2, form="generic"), Report()) as converter:
        converter.convert("f", b"", io.BytesIO(FEEDS["small"]), Memory())
        assert converter._pool is None


class Murder(io.RawIOBase):
    """A stream that kills every worker before its second half."""

    def __init__(self, data, converter):
        self._file = io.BytesIO(data)
        self._converter = converter
        self.killed = 0

    def read(self, size=-1):
        pool = self._converter._pool
        if pool is not None and pool._executor._processes and not self.killed:
            for process in list(pool._executor._processes.values()):
                with suppress(ProcessLookupError):  # the executor ends the others when it sees one die
                    os.kill(process.pid, signal.SIGKILL)
                self.killed += 1
        return self._file.read(size)


def test_a_killed_worker():
    """It ends the conversion of its source in plain words; the next source is converted by new ones."""
    report, sink = Report(), Memory()
    with Converter(Options(jobs=2), report) as converter:
        stream = Murder(feed(3000), converter)
        with pytest.raises(SourceError, match="a worker process was killed") as caught:
            converter.convert("f", b"", stream, sink)
        assert stream.killed
        assert caught.value.name == "f"
        assert converter._pool is None
        assert run(converter, report, FEEDS["plain"], lines=False)[0] == converted(FEEDS["plain"])


def test_an_error_in_a_worker():
    """What a worker raises is raised to who waits for it; a pool whose worker was killed takes nothing more."""
    with Pool(1, b",", strict=False) as pool:
        wait = pool.submit(DocumentKind(Struct("Nothing", ()), "x"), b"<a/>")
        with pytest.raises(KeyError):
            wait()
        (process,) = pool._executor._processes.values()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with pytest.raises(WorkerError):
            pool.submit(DOCUMENTS["ListOrdersResponse"], b"<Order></Order>")()
        with pytest.raises(WorkerError):
            pool.submit(DOCUMENTS["ListOrdersResponse"], b"<Order></Order>")


def test_a_worker(monkeypatch):
    """A worker leaves interrupts to the process that started it, and converts with its own converter."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        jobs._start(b",", False)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, handler)
    chunk = b"<Order><AmazonOrderId>1</AmazonOrderId><OrderStatus>x</OrderStatus></Order>"
    ((made, start, end),) = jobs._convert("ListOrdersResponse", chunk)
    assert (made.count, start, end) == (1, 0, len(chunk))
    monkeypatch.setattr(jobs, "_members", None)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="interrupts as POSIX has them")
def test_a_worker_never_sees_an_interrupt():
    """Neither before it has begun to ignore them nor afterwards; who starts it has them as before."""
    with Pool(1, b",", strict=False) as pool:
        wait = pool.submit(DOCUMENTS["ListOrdersResponse"], b"<Order></Order>")
        (process,) = pool._executor._processes.values()
        os.kill(process.pid, signal.SIGINT)  # which would end it: it is still importing
        assert wait() == [(None, 0, 15)]
        assert process.is_alive()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
