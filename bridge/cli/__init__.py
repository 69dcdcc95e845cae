"""The command line: ``mws-bridge VERB``. Exit codes: 0 done, 1 the answer is no, 2 trouble."""

from bridge.cli.arguments import main

__all__ = ["main"]
