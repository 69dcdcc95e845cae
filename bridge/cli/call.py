"""``mws-bridge call``: sign one request, send it, print the answer."""

import argparse
import os
import sys
from datetime import UTC, datetime

import httpx

from bridge.cli.accounts import find_account
from bridge.cli.console import show_xml
from bridge.cli.signing import sign_request
from bridge.settings import check_origin
from mws_compat.orders import OPERATIONS

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the endpoint answered 200, 1 when it answered an error, 2 when nothing could be asked."""
    account = find_account(arguments)
    if account is None:
        return 2
    parameters = _parameters(arguments)
    if parameters is None:
        return 2
    try:
        signed = sign_request(
            check_origin(arguments.url or os.environ.get("MWS_URL") or "http://127.0.0.1:8013"),
            arguments.operation,
            parameters,
            account,
            now=datetime.now(UTC),
            method="GET" if arguments.get else "POST",
            version=arguments.api_version,
            algorithm="HmacSHA1" if arguments.sha1 else "HmacSHA256",
        )
    except UnicodeEncodeError:
        print("mws-bridge: what is to be sent is not UTF-8 text", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"mws-bridge: the endpoint's origin {error}", file=sys.stderr)
        return 2
    if arguments.dry_run:
        print(signed.string_to_sign, f"\n{signed.method} {signed.url}", signed.body, sep="\n")
        return 0
    headers = {"User-Agent": "mws-bridge call", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    try:
        answer = httpx.request(signed.method, signed.url, content=signed.body, headers=headers, timeout=60.0)
    except (httpx.RequestError, httpx.InvalidURL) as error:
        print(f"mws-bridge: no answer: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(
        f"HTTP {answer.status_code}  x-mws-request-id: {answer.headers.get('x-mws-request-id', '-')}", file=sys.stderr
    )
    show_xml(answer.text)
    return 0 if answer.status_code == 200 else 1


def _parameters(arguments: argparse.Namespace) -> dict[str, str] | None:
    """The operation's parameters under their names on the wire; None after saying what is wrong."""
    parameters: dict[str, str] = {}
    operation = OPERATIONS.get(arguments.operation)
    given = {
        name.removeprefix("mws_"): values
        for name, values in vars(arguments).items()
        if name.startswith("mws_") and values
    }
    for parameter in operation.parameters if operation else ():
        values = given.pop(parameter.name, [])
        if parameter.lists:
            parameters.update({f"{parameter.lists[0]}.{number}": value for number, value in enumerate(values, 1)})
        elif len(values) > 1:
            print(f"mws-bridge: {parameter.name} takes one value", file=sys.stderr)
            return None
        elif values:
            parameters[parameter.name] = values[0]
    for name in given:
        print(
            f"mws-bridge: {arguments.operation} has no parameter {name} that we know of; "
            f"to send it all the same: --param {name}=VALUE",
            file=sys.stderr,
        )
        return None
    for text in arguments.param:
        name, equals, value = text.partition("=")
        if not equals:
            print(f"mws-bridge: --param {text}: write NAME=VALUE", file=sys.stderr)
            return None
        parameters[name] = value
    return parameters
