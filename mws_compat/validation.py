"""A call's parameters against its operation's row: typed arguments, or every fault found.

The texts are Amazon's where one is known (wire reference 6.3); the others name the parameter and the remedy.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from mws_compat.errors import INVALID_PARAMETER_VALUE, REQUEST_EXPIRED, UNREADABLE_PARAMETER, MwsError
from mws_compat.orders import After, Excludes, OneOf, Operation, Parameter
from mws_compat.schema import format_instant, parse_instant

__all__ = ["CLOCK_SKEW", "SETTLING", "Argument", "Arguments", "check", "check_timestamp"]

#: A value that validation has typed: text, an aware UTC instant, an integer, or a list of texts.
Argument = str | datetime | int | tuple[str, ...]
Arguments = dict[str, Argument]

#: How far a request's Timestamp may lie from our clock, either way [2.1].
CLOCK_SKEW = timedelta(minutes=15)
#: MWS answered nothing younger than this: the default, and the latest, *Before* [3.1].
SETTLING = timedelta(minutes=2)


def check_timestamp(parameters: Mapping[str, str], now: datetime) -> None:
    """Refuse a request whose ``Timestamp`` is missing, unreadable (InvalidParameterValue) or further than fifteen
    minutes from ``now`` (RequestExpired)."""
    text = parameters.get("Timestamp")
    if text is None:
        raise MwsError(UNREADABLE_PARAMETER, "Missing required parameter Timestamp.")
    try:
        stamp = parse_instant(text)
    except ValueError:
        raise MwsError(
            UNREADABLE_PARAMETER,
            "Value of parameter Timestamp is not a date-time; write it like 2020-06-01T12:00:00Z.",
        ) from None
    if abs(now - stamp) > CLOCK_SKEW:
        direction = "past and has expired" if stamp < now else "future"
        raise MwsError(
            REQUEST_EXPIRED,
            f"Request signature is too far in the {direction}. Timestamp date: {format_instant(stamp)}",
            reason=f"the caller's clock differs from ours by {abs(now - stamp)}",
        )


def check(
    operation: Operation, parameters: Mapping[str, str], *, now: datetime, strict_status_pair: bool = False
) -> Arguments:
    """Type and check a call's parameters.

    Returns only what was given, under the parameters' own names, plus the trimmed *Before* where one was given:
    a *Before* later than ``now`` - 2 minutes comes back as exactly that. Lists come in the order of their numbers,
    gaps allowed, a repeated member once. Unknown parameters are ignored, as MWS did.

    ``strict_status_pair`` enforces the documented rule that Unshipped and PartiallyShipped go together; MWS itself
    was seen not to [3.1 a].

    Raises MwsError InvalidParameterValue (400): the first fault is the message, all of them are ``faults``.
    """
    arguments: Arguments = {}
    faults: list[str] = []
    for parameter in operation.parameters:
        try:
            value = _value_of(parameter, parameters)
        except ValueError as error:
            faults.append(str(error))
            continue
        if value is not None:
            arguments[parameter.name] = value
        elif parameter.required:
            faults.append(
                f"Missing required parameter {parameter.lists[0] + '.1' if parameter.lists else parameter.name}."
            )
    faults.extend(_broken_rules(operation, arguments, parameters, now))
    if strict_status_pair:
        faults.extend(_broken_pair(arguments))
    if faults:
        raise MwsError(INVALID_PARAMETER_VALUE, faults[0], faults=tuple(faults))
    for rule in operation.rules:
        if isinstance(rule, After) and rule.later in arguments:
            arguments[rule.later] = min(_instant(arguments, rule.later), now - SETTLING)
    return arguments


def _value_of(parameter: Parameter, parameters: Mapping[str, str]) -> Argument | None:
    if parameter.lists:
        members = _members(parameter, parameters)
        if parameter.most and len(members) > parameter.most:
            raise ValueError(f"Parameter {parameter.lists[0]}.N takes at most {parameter.most} values.")
        for member in members:
            if parameter.values and member not in parameter.values:
                raise ValueError(
                    f"Value of parameter {parameter.lists[0]}.N is not valid: use {_or(parameter.values)}."
                )
        return members or None
    text = parameters.get(parameter.name)
    if text is None:
        return None
    if parameter.kind == "instant":
        try:
            return parse_instant(text)
        except ValueError:
            problem = "is not a date-time; write it like 2020-06-01T12:00:00Z"
            raise ValueError(f"Value of parameter {parameter.name} {problem}.") from None
    if parameter.kind == "integer":
        digits = text.strip()
        if digits.isascii() and digits.isdecimal() and len(digits) <= 9:
            number = int(digits)
            if parameter.least <= number <= parameter.most:
                return number
        problem = f"is not a whole number from {parameter.least} to {parameter.most}"
        raise ValueError(f"Value of parameter {parameter.name} {problem}.")
    return text


def _members(parameter: Parameter, parameters: Mapping[str, str]) -> tuple[str, ...]:
    found: list[tuple[int, str]] = []
    for prefix in parameter.lists:
        start = f"{prefix}."
        for name in [name for name in parameters if name.startswith(start)]:
            number = name[len(start) :]
            if number.isascii() and number.isdecimal() and len(number) <= 9:
                found.append((int(number), parameters[name]))
    return tuple(dict.fromkeys(value for _, value in sorted(found)))


def _or(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"


def _instant(arguments: Arguments, name: str) -> datetime:
    value = arguments[name]
    assert isinstance(value, datetime)  # noqa: S101 - the table says so; a wrong table must fail loudly
    return value


def _broken_rules(
    operation: Operation, arguments: Arguments, parameters: Mapping[str, str], now: datetime
) -> Iterator[str]:
    for rule in operation.rules:
        match rule:
            case OneOf():
                given = [name for name in rule.names if name in parameters]  # also an unreadable one was given
                if not given:
                    yield rule.none_text
                elif len(given) > 1:
                    yield rule.both_text
            case Excludes():
                for other in rule.others:
                    if rule.name in arguments and other in arguments:
                        yield f"Parameters {rule.name} and {other} cannot be used together."
            case _:  # After
                if rule.later in arguments and rule.earlier not in parameters:
                    yield f"Parameter {rule.later} can only be used together with {rule.earlier}."
                elif rule.earlier in arguments:
                    latest = now - SETTLING
                    end = min(_instant(arguments, rule.later), latest) if rule.later in arguments else latest
                    if _instant(arguments, rule.earlier) > end:
                        yield f"The {rule.earlier} date is after the {rule.later} date."


def _broken_pair(arguments: Arguments) -> Iterator[str]:
    statuses = arguments.get("OrderStatus", ())
    assert isinstance(statuses, tuple)  # noqa: S101 - the table says so
    if ("Unshipped" in statuses) != ("PartiallyShipped" in statuses):
        yield "OrderStatus.Status.N values Unshipped and PartiallyShipped must be used together."
