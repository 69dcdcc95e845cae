"""Figures, as ratios measured side by side in one run: ``python -m tests.bench`` and, to choose, ``render``,
``signature``, ``endpoint``, ``memory``, ``convert``, ``diff``, ``polling``, ``production``.

Each figure is printed with its peer, the median of the rounds and their spread. Nothing here is a test: shared
machines are too noisy for a verdict by the clock.
"""

import sys
from importlib import import_module

NAMES = ("render", "signature", "endpoint", "memory", "convert", "diff", "polling", "production")


def main() -> int:
    chosen = sys.argv[1:] or list(NAMES)
    unknown = [name for name in chosen if name not in NAMES]
    if unknown:
        print(f"there is no {unknown[0]}; choose from {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in chosen:
        import_module(f"tests.bench.{name}").main()
        print()
    return 0


sys.exit(main())
