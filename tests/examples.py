"""How many examples a test of properties tries whose examples are dear."""

from hypothesis import settings

__all__ = ["examples"]


def examples(count: int) -> settings:
    """``count`` where the profile ``ci`` tries 100, and the same share of any other profile's."""
    return settings(max_examples=max(1, settings.default.max_examples * count // 100))
