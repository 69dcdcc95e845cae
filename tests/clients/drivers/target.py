"""What every Python driver shares: where to go, how much to ask, and the one JSON object that it prints."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

URL = os.environ["MWS_URL"]
HOST = urlsplit(URL).hostname or ""
PORT = urlsplit(URL).port or 80
ACCESS_KEY = os.environ["MWS_ACCESS_KEY"]
SECRET = os.environ["MWS_SECRET"]
SELLER = os.environ["MWS_SELLER"]
MARKETPLACE = os.environ["MWS_MARKETPLACE"]
CREATED_AFTER = os.environ["MWS_CREATED_AFTER"]
CREATED_BEFORE = os.environ["MWS_CREATED_BEFORE"]
PAGE_SIZE = os.environ["MWS_PAGE_SIZE"]
ITEMS_OF = int(os.environ["MWS_ITEMS_OF"])
CALLS = int(os.environ["MWS_CALLS"])
SCENARIO = os.environ["MWS_SCENARIO"]


def report(read: Callable[[], dict], throttle: Callable[[], None], failure: Callable[[Exception], dict]) -> None:
    """Run what MWS_SCENARIO asks for and print it; what a client itself prints (boto does) goes to stderr."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            answer = throttle_until_refused(throttle) if SCENARIO == "throttle" else read()
        except Exception as exc:  # noqa: BLE001 - whatever the library raises is the result
            answer = {"error_type": type(exc).__name__, **failure(exc)}
    print(json.dumps(answer))


def throttle_until_refused(call: Callable[[], None]) -> dict:
    for _ in range(CALLS):
        call()
    return {"calls": CALLS}


def wire_error(xml: str) -> dict:
    """Code and message of an ErrorResponse, for the libraries that hand its text over unread."""

    def text(name: str) -> str | None:
        found = re.search(f"<{name}>([^<]*)</{name}>", xml)
        return found and found[1]

    return {"code": text("Code"), "message": text("Message")}
