"""``mws-bridge convert --form sp-api-2026``: files, pipes, directories, lines, processes."""

import json
import subprocess
import sys

import pytest

from bridge.offline.to_v2026 import MAX_WAITING
from tests.cli.test_cli_convert import _own_signals, cli, files, summary, unmeasured, write, xml

__all__ = ["_own_signals", "cli"]

FORM = ("--form", "sp-api-2026")


def order(key, **more):
    return {
        "orderId": key,
        "fulfillment": {"fulfillmentStatus": "SHIPPED"},
        "orderItems": [{"orderItemId": f"{key}-1", "quantityOrdered": 1, "product": {"asin": "B"}}],
        **more,
    }


def test_files_and_lines(cli, tmp_path):
    """XML becomes v2026 JSON, and from there XML again, without an option."""
    source = write(tmp_path / "a.xml", xml("1", "2"))
    code, out, err = cli(*FORM, source)
    assert (code, [one["orderId"] for one in json.loads(out)["orders"]]) == (0, ["1", "2"])
    assert summary(err) == "1 file: 1 document, 2 orders"
    code, lines, _ = cli(*FORM, "--lines", source)
    assert (code, [json.loads(line)["orderId"] for line in lines.splitlines()]) == (0, ["1", "2"])
    for text in (out, lines):
        code, back, err = cli("-", stdin=text)
        assert (code, back.count(b"<Order>")) == (0, 2)
        assert summary(err) == "1 file: 1 document, 2 orders"


def test_standard_input_of_v2026(cli):
    """Lines with items become orders and lists of items; with the form they come back, with the other they are v0."""
    text = b"".join(json.dumps(order(key)).encode() + b"\n" for key in ("1", "2"))
    code, out, err = cli("-", stdin=text)
    assert (code, out.count(b"<ListOrderItemsResponse ")) == (0, 2)
    assert summary(err) == "1 file: 3 documents, 2 orders, 2 items"
    code, again, err = cli(*FORM, "--lines", "-", stdin=out)
    assert (code, [json.loads(line) for line in again.splitlines()]) == (0, [order("1"), order("2")])
    assert summary(err) == "1 file: 3 documents, 2 orders, 2 items"
    code, older, _ = cli("--form", "sp-api", "-", stdin=text)
    assert (code, [list(json.loads(line)["payload"]) for line in older.splitlines()]) == (
        0,
        [["Orders"], ["OrderItems", "AmazonOrderId"], ["OrderItems", "AmazonOrderId"]],
    )
    code, again, _ = cli(*FORM, "--lines", "-", stdin=older)
    assert (code, [json.loads(line) for line in again.splitlines()]) == (0, [order("1"), order("2")])


def test_a_directory(cli, tmp_path):
    """The files of a directory have the suffix of what they become."""
    write(tmp_path / "in/a.xml", xml("1"))
    write(tmp_path / "in/b.json", b'{"AmazonOrderId":"2"}')
    write(tmp_path / "in/c.json", json.dumps({"orders": [order("3")]}).encode())
    assert cli(*FORM, tmp_path / "in", "-d", tmp_path / "new")[0] == 0
    assert files(tmp_path / "new") == ["a.json", "b.json", "c.json"]
    assert cli(*FORM, "--lines", tmp_path / "in", "-d", tmp_path / "lines")[0] == 0
    assert files(tmp_path / "lines") == ["a.ndjson", "b.ndjson", "c.ndjson"]
    assert json.loads((tmp_path / "lines/c.ndjson").read_bytes()) == order("3")
    assert cli(tmp_path / "in", "-d", tmp_path / "xml")[0] == 0
    assert files(tmp_path / "xml") == ["a.json", "b.xml", "c.xml"]


def test_failures(cli, tmp_path):
    """What is wrong with JSON is told of with its line, once; the other lines are converted."""
    text = json.dumps(order("1")) + '\n{"orders":5}\n{"orderId":\n' + json.dumps(order("2", future=1)) + "\n"
    code, out, err = cli(*FORM, "--lines", "-", stdin=text.encode())
    assert (code, [json.loads(line)["orderId"] for line in out.splitlines()]) == (2, ["1", "2"])
    assert "mws-bridge: <stdin>: line 2: orders: array expected\n" in err
    assert "<stdin>: line 3: not JSON" in err
    assert summary(err).endswith("; 1 thing that no table knows, kept; 2 failures")
    code, out, err = cli(*FORM, "-", stdin=b'{"orders":5}')
    assert (code, out) == (2, b"")


@pytest.mark.parametrize("layout", [[], ["--lines"]], ids=["document", "lines"])
def test_processes(cli, tmp_path, layout):
    """The same bytes, however many processes are asked for; a long list is written as it is read."""
    source = write(tmp_path / "a.xml", xml(*map(str, range(MAX_WAITING + 500))))
    one = cli(*FORM, *layout, source)[1]
    assert cli(*FORM, *layout, "--jobs", "2", source)[1] == one
    assert one.count(b'"orderId"') == MAX_WAITING + 500
    assert cli("-", stdin=one)[1].count(b"<Order>") == MAX_WAITING + 500


@pytest.mark.parametrize("data", [xml("1"), b'{"AmazonOrderId":"1"}'], ids=["xml", "json"])
def test_the_tables_are_not_for_everyone(data, tmp_path):
    """Who converts nothing of v2026 imports none of its tables; who does needs nothing else that is heavy."""
    source = write(tmp_path / "a", data)
    found = {}
    for form in ([], list(FORM)):
        program = (
            "import sys\nfrom bridge.cli import main\n"
            f"assert main(['convert', *{form!r}, {str(source)!r}]) == 0\n"
            "print(*sys.modules, file=sys.stderr)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=unmeasured()
        )
        found[bool(form)] = set(done.stderr.split())
    assert not any("2026" in name or name.endswith((".links", ".whole")) for name in found[False])
    assert "bridge.mapping.orders_v2026" in found[True]
    assert not {"httpx", "pydantic", "rich", "asyncio", "xmltodict", "ijson", "tempfile"} & found[True]
