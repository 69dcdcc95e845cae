"""The differ: tells what really changed in a feed from what only looks changed.

::

    from bridge.diff import compare

    for difference in compare("archive/2023", "http-answers/", "migration"):
        print(difference.path, difference.verdict)
"""

from bridge.diff.comparison import DiffError, compare, compare_all
from bridge.diff.differences import Change, Difference, Step, Verdict
from bridge.diff.profiles import Origin, Pattern, Profile, Rule, make_profile
from bridge.diff.tally import Tally

__all__ = [
    "Change",
    "DiffError",
    "Difference",
    "Origin",
    "Pattern",
    "Profile",
    "Rule",
    "Step",
    "Tally",
    "Verdict",
    "compare",
    "compare_all",
    "make_profile",
]
