"""The offline tools as a library: records out of archives, and to either side.

What is offered here is imported when it is asked for: the command line has to start in a tenth of a second and uses
the modules below directly.
"""

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from bridge.offline.records import from_sp_api, iter_records, render, to_sp_api
    from bridge.offline.report import ConvertError

__all__ = ["ConvertError", "from_sp_api", "iter_records", "render", "to_sp_api"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_importlib.import_module(f"{__name__}.{'report' if name == 'ConvertError' else 'records'}"), name)
