"""For the tests of a program that reads or writes feeds::

from bridge.diff.testing import assert_same_feed

def test_the_import_sees_what_it_saw():
    assert_same_feed("fixtures/before.xml", answer.content, ignore=["LastUpdateDate"])
"""

from collections.abc import Sequence
from io import StringIO

from bridge.diff.comparison import Side, compare_all
from bridge.diff.differences import Verdict
from bridge.diff.profiles import AUTO, Pattern, Profile, Rule
from bridge.diff.reports import write_report

__all__ = ["assert_same_feed"]


def assert_same_feed(
    old: Side, new: Side, profile: str | Profile = AUTO, *, ignore: Sequence[str] = (), show_pii: bool = False
) -> None:
    """Raise AssertionError, with the report as its message, unless two feeds are the same as far as the profile says.
    ``ignore`` are paths like ``ShippingAddress/Phone``. Raises DiffError when a side cannot be read."""
    __tracebackhide__ = True
    rules = [Rule(Pattern(path), Verdict.IGNORED, "ignored by the test") for path in ignore]
    tally = compare_all(old, new, profile, rules=rules)
    if not tally.same:
        report = StringIO()
        write_report(tally, report, format="text", old_name="old", new_name="new", show_pii=show_pii, width=0)
        raise AssertionError(f"the feeds differ\n{report.getvalue()}")
