"""``mws-bridge compare-upstreams``: both versions of the Orders API, and what they tell differently."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.cli.demo import NOW as DEMO_NOW
from tests.cli.running import ACCESS_SECRET, SELLER, Upstream, configuration

Capture = pytest.CaptureFixture[str]


def compared(capsys: Capture, path: Path, *typed: str) -> tuple[int, str, str]:
    code = main(["compare-upstreams", SELLER.selling_partner_id, "--config", str(path), *typed])
    told = capsys.readouterr()
    assert ACCESS_SECRET not in told.out + told.err
    assert "Atz" not in told.out + told.err
    return code, told.out, told.err


def test_both_versions_tell_the_same(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Exit code 0, the report, and what it cost; both versions were asked."""
    path = configuration(tmp_path, upstream.origin, version="auto")
    code, out, err = compared(capsys, path, "--since", "2016-01-01", "--items", "5")
    assert (code, out.splitlines()[:2]) == (0, ["old  Orders v0", "new  Orders v2026-01-01"])
    assert "v2026 has no such field" in out
    assert err.startswith("calls upstream: ")
    asked = {call.operation for call in upstream.sandbox.log}
    assert {"getOrders", "getOrderItems", "searchOrders"} <= asked
    assert len([call for call in upstream.sandbox.log if call.operation == "getOrderItems"]) == 5


def test_a_report_for_machines_with_rules(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """The differ's formats and rules apply."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[ignore]]\npath = "Order/BuyerEmail"\nreason = "not kept"\n')
    path = configuration(tmp_path, upstream.origin, version="auto")
    since = ("--since", "2016-01-01", "--items", "0")
    code, out, _ = compared(capsys, path, *since, "--format", "json", "--rules", str(rules))
    assert code == 0
    assert json.loads(out)["summary"]["same"] is True


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--since", "2099-01-01"), "--since: must be three minutes ago or earlier"),
        (("--rules", "/nowhere/rules.toml"), "/nowhere/rules.toml"),
        (("--config", "/nowhere/mws-bridge.toml"), "cannot be used"),
    ],
)
def test_what_cannot_be_compared(
    typed: tuple[str, ...], words: str, tmp_path: Path, upstream: Upstream, capsys: Capture
) -> None:
    """Exit code 2 and the reason."""
    path = configuration(tmp_path, upstream.origin, version="auto")
    code, out, err = compared(capsys, path, *typed)
    assert (code, out) == (2, "")
    assert words in err


def test_a_seller_that_nobody_knows(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """The sellers that there are, are named."""
    path = configuration(tmp_path, upstream.origin)
    assert main(["compare-upstreams", "A1NOBODY", "--config", str(path)]) == 2
    assert "there is no seller A1NOBODY; the configuration has A1SANDBOXNA001" in capsys.readouterr().err


def test_amazon_refuses(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """Which version refused, and in Amazon's words."""
    upstream.sandbox.faults.always("searchOrders", "denied")
    path = configuration(tmp_path, upstream.origin, version="auto")
    code, _, err = compared(capsys, path)
    assert code == 2
    assert "Orders v2026-01-01: SP-API answered HTTP 403" in err


def test_after_the_end_of_v0(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """There is nothing to compare with, and v0 is not asked."""
    path = configuration(tmp_path, upstream.origin)
    path.write_text(path.read_text().replace("[upstream]", "[upstream]\nv0_until = 2020-01-01", 1))
    code, _, err = compared(capsys, path)
    assert code == 2
    assert "Orders v0 is not called since 2020-01-01" in err
    assert not upstream.sandbox.log


def test_a_date_that_is_none(capsys: Capture) -> None:
    """A mistake on the command line is a usage error with the remedy."""
    with pytest.raises(SystemExit):
        main(["compare-upstreams", "A1", "--since", "yesterday"])
    assert "write a date like 2026-11-20" in capsys.readouterr().err


def test_the_clock_is_told(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """The sandbox's stands still: what is too late by it may be long ago."""
    code = main(["compare-upstreams", "A1SANDBOXNOPII", "--sandbox", "--since", "2026-11-21"])
    assert code == 2
    assert f"; the sandbox's clock stands still at {DEMO_NOW:%Y-%m-%dT%H:%M:%SZ}\n" in capsys.readouterr().err
    path = configuration(tmp_path, upstream.origin, version="auto")
    assert f"; it is now {datetime.now(UTC):%Y-%m-%dT%H:}" in compared(capsys, path, "--since", "2099-01-01")[2]


def test_rules_and_output_are_looked_after(tmp_path: Path, upstream: Upstream, capsys: Capture) -> None:
    """A path that is misspelt proves nothing, and the configuration is not overwritten."""
    rules = tmp_path / "rules.toml"
    rules.write_text('only = ["OrderTotl"]\n')
    path = configuration(tmp_path, upstream.origin, version="auto")
    since = ("--since", "2016-01-01", "--items", "0")
    code, out, err = compared(capsys, path, *since, "--rules", str(rules))
    assert (code, out) == (2, "")
    assert "only OrderTotl: neither side has such a place" in err
    before = path.read_text()
    code, out, err = compared(capsys, path, *since, "-o", str(path))
    assert (code, out) == (2, "")
    assert err.startswith(f"mws-bridge: {path}: is read by this comparison")
    assert path.read_text() == before


def test_the_emulated_sellers(capsys: Capture) -> None:
    """--sandbox needs no configuration and no network."""
    assert main(["compare-upstreams", "A1SANDBOXNOPII", "--sandbox", "--items", "1", "--since", "2026-01-01"]) == 0
    assert "The same" in capsys.readouterr().out
