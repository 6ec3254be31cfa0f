"""When a secret is due: the grammar of rotation schedules and the windows that they open.

Pure functions. Instants come in and go out as milliseconds since the epoch; every rule is in UTC. The grammar is that
of "Rotation schedules" in the AWS Secrets Manager User Guide and of `RotationRulesType` in the API Reference:

    rate(4 hours)   rate(10 days)   cron(0 16 1,15 * ? *)   AutomaticallyAfterDays 1 to 1000

A schedule opens *windows*. The secret is rotated at some moment of the window, and the last second of the next window
is what DescribeSecret calls NextRotationDate.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

from strongroom.world import from_milliseconds

__all__ = ["RotationRules", "Schedule", "ScheduleError", "Window", "parse_duration", "parse_schedule"]

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()

_LEAST_HOURS: Final = 4
_MOST_DAYS: Final = 999
_MOST_AUTOMATIC_DAYS: Final = 1000

_RATE: Final = re.compile(r"rate\( *([0-9]{1,9}) +(minute|hour|day)s? *\)")
_CRON: Final = re.compile(r"cron\( *([^ ()]+(?: +[^ ()]+)*) *\)")
_DURATION: Final = re.compile(r"([0-9]{1,2})h")
_UNIT_MS: Final[Mapping[str, int]] = {"minute": _MINUTE_MS, "hour": _HOUR_MS, "day": _DAY_MS}
_MONTH_NAMES: Final[Mapping[str, int]] = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_DAY_NAMES: Final[Mapping[str, int]] = {
    name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
}

# These years hold every kind that the Gregorian calendar has: common and leap, starting on each day of the week.
_EVERY_KIND_OF_YEAR: Final = range(2001, 2029)


class ScheduleError(ValueError):
    """Rotation rules that cannot be followed. The text says why, in words for the caller."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which one scheduled rotation takes place.

    Attributes:
        opens_ms: The first instant of the window, in milliseconds since the epoch.
        closes_ms: The first instant after it.
    """

    opens_ms: int
    closes_ms: int

    @property
    def last_moment_ms(self) -> int:
        """The last whole second of the window. DescribeSecret answers it as NextRotationDate."""
        return self.closes_ms - 1000


class _Timing(Protocol):
    """What opens windows: a rate or a cron expression."""

    def opening_after(self, after_ms: int, anchor_ms: int) -> int:
        """The first opening strictly after ``after_ms``."""
        ...

    def default_close(self, opens_ms: int) -> int:
        """Where a window closes when the rules give no Duration."""
        ...

    def longest_duration_hours(self) -> int:
        """The longest Duration that reaches neither the next window nor the next UTC day."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that is known to be valid. Made by `parse_schedule` and `RotationRules.validate`.

    Attributes:
        timing: What opens the windows.
        duration_hours: The length of a window, or None for the default of its timing.
    """

    timing: _Timing
    duration_hours: int | None = None

    def next_window(self, after_ms: int, anchor_ms: int) -> Window:
        """The first window that opens strictly after an instant.

        Args:
            after_ms: The instant, in milliseconds since the epoch.
            anchor_ms: What a rate counts from: the last rotation, or the moment at which rotation was turned on.
                A cron expression does not look at it.
        """
        opens_ms = self.timing.opening_after(after_ms, anchor_ms)
        if self.duration_hours is None:
            return Window(opens_ms, self.timing.default_close(opens_ms))
        closes_ms = opens_ms + self.duration_hours * _HOUR_MS
        # A rate in hours may open late in a day: its window ends with that day.
        return Window(opens_ms, min(closes_ms, _end_of_day(opens_ms)))

    def interval_days(self, after_ms: int, anchor_ms: int) -> int:
        """Days from the next window to the one after it, at least 1.

        DescribeSecret and ListSecrets answer this as AutomaticallyAfterDays, "calculated from the rotation schedule
        after every successful rotation" (RotationRulesType).
        """
        opens_ms = self.timing.opening_after(after_ms, anchor_ms)
        return max(1, (self.timing.opening_after(opens_ms, anchor_ms) - opens_ms) // _DAY_MS)


@dataclass(frozen=True, slots=True)
class RotationRules:
    """The members of RotationRulesType, as the caller gave them.

    Attributes:
        automatically_after_days: 1 to 1000: as ``rate(N days)``. Not together with ``schedule_expression``.
        schedule_expression: A ``rate()`` or ``cron()`` expression.
        duration_hours: The length of the window in hours (see `parse_duration`), or None for the default.
    """

    automatically_after_days: int | None = None
    schedule_expression: str | None = None
    duration_hours: int | None = None

    def validate(self, *, allow_minutes: bool = False) -> Schedule:
        """Check the rules as a whole and compile them.

        Args:
            allow_minutes: Admit ``rate(N minutes)``, which AWS does not have. An operator's setting.

        Raises:
            ScheduleError: The rules contradict themselves or cannot be followed.
        """
        if self.schedule_expression is not None:
            if self.automatically_after_days is not None:
                raise ScheduleError("Specify either AutomaticallyAfterDays or ScheduleExpression, but not both.")
            parsed = parse_schedule(self.schedule_expression, allow_minutes=allow_minutes)
            return _with_duration(parsed.timing, self.duration_hours)
        if self.automatically_after_days is None:
            raise ScheduleError("Specify AutomaticallyAfterDays or ScheduleExpression.")
        if not 1 <= self.automatically_after_days <= _MOST_AUTOMATIC_DAYS:
            raise ScheduleError(f"AutomaticallyAfterDays must be between 1 and {_MOST_AUTOMATIC_DAYS}.")
        return _with_duration(_Rate(self.automatically_after_days * _DAY_MS, "day"), self.duration_hours)


def parse_duration(text: str) -> int:
    """The hours of a Duration such as ``3h``.

    Raises:
        ScheduleError: The text is not a number of hours from 1 to 24 followed by ``h``.
    """
    match = _DURATION.fullmatch(text)
    hours = int(match[1]) if match else 0
    if not 1 <= hours <= 24:
        raise ScheduleError("Duration must be a number of hours from 1h to 24h, such as 3h.")
    return hours


@lru_cache(maxsize=512)
def parse_schedule(expression: str, *, allow_minutes: bool = False) -> Schedule:
    """Compile a ``rate()`` or ``cron()`` expression. Windows have their default length.

    Args:
        expression: As the caller gave it, such as ``rate(10 days)`` or ``cron(0 8 ? * MON-FRI *)``.
        allow_minutes: Admit ``rate(N minutes)``, which AWS does not have. An operator's setting.

    Raises:
        ScheduleError: The expression is outside the grammar, or would rotate more often than every four hours, less
            often than every 999 days, or not in every year.
    """
    text = expression.strip(" ")
    if match := _RATE.fullmatch(text):
        return Schedule(_parse_rate(int(match[1]), match[2], allow_minutes=allow_minutes))
    if match := _CRON.fullmatch(text):
        return Schedule(_parse_cron(match[1].split()))
    raise ScheduleError(
        "ScheduleExpression must be rate(N hours), rate(N days) or "
        "cron(Minutes Hours Day-of-month Month Day-of-week Year)."
    )


def _with_duration(timing: _Timing, duration_hours: int | None) -> Schedule:
    """A schedule with a window length that was checked against its timing."""
    if duration_hours is not None:
        longest = timing.longest_duration_hours()
        if not 1 <= duration_hours <= longest:
            raise ScheduleError(
                "The rotation window must not extend into the next rotation window or the next UTC day: "
                f"with this schedule, Duration can be at most {longest}h."
                if longest
                else "A schedule that opens a window more than once an hour takes no Duration."
            )
    return Schedule(timing, duration_hours)


def _end_of_day(instant_ms: int) -> int:
    """The midnight that ends the UTC day of an instant."""
    return (instant_ms // _DAY_MS + 1) * _DAY_MS


# --- rate -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rate:
    """A window every ``period_ms``, counted from the start of the anchor's day or hour; minutes, from the anchor."""

    period_ms: int
    unit: str

    def opening_after(self, after_ms: int, anchor_ms: int) -> int:
        base_ms = anchor_ms if self.unit == "minute" else anchor_ms - anchor_ms % _UNIT_MS[self.unit]
        periods = max(1, (after_ms - base_ms) // self.period_ms + 1)
        return base_ms + periods * self.period_ms

    def default_close(self, opens_ms: int) -> int:
        if self.unit == "day":
            return _end_of_day(opens_ms)
        return opens_ms + (_HOUR_MS if self.unit == "hour" else self.period_ms)

    def longest_duration_hours(self) -> int:
        return min(24, self.period_ms // _HOUR_MS)


def _parse_rate(count: int, unit: str, *, allow_minutes: bool) -> _Rate:
    if count < 1:
        raise ScheduleError("A rate must be a positive number.")
    period_ms = count * _UNIT_MS[unit]
    if period_ms > _MOST_DAYS * _DAY_MS:
        raise ScheduleError(f"A rate can be at most {_MOST_DAYS} days.")
    if unit == "minute" and not allow_minutes:
        raise ScheduleError("A rate must be in hours or days.")
    if unit == "hour" and count < _LEAST_HOURS:
        raise ScheduleError(f"A rate must be at least {_LEAST_HOURS} hours.")
    return _Rate(period_ms, unit)


# --- cron -----------------------------------------------------------------------------------------------------------


class _Days(Protocol):
    """The days that one of the two day fields picks."""

    def in_month(self, year: int, month: int) -> list[int]:
        """The days of a month that are picked, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class _MonthDays:
    """Days by number."""

    numbers: tuple[int, ...]

    def in_month(self, year: int, month: int) -> list[int]:
        length = calendar.monthrange(year, month)[1]
        return [number for number in self.numbers if number <= length]


@dataclass(frozen=True, slots=True)
class _LastMonthDay:
    """``L``: the last day of the month."""

    def in_month(self, year: int, month: int) -> list[int]:
        return [calendar.monthrange(year, month)[1]]


@dataclass(frozen=True, slots=True)
class _WeekDays:
    """Days of the week (1 is Sunday). ``nth`` narrows to one in a month: the 1st to 5th, or -1 for the last."""

    numbers: tuple[int, ...]
    nth: int | None = None

    def in_month(self, year: int, month: int) -> list[int]:
        monday_first, length = calendar.monthrange(year, month)
        weekday_of_first = (monday_first + 1) % 7 + 1
        picked = [day for day in range(1, length + 1) if (weekday_of_first + day - 2) % 7 + 1 in self.numbers]
        if self.nth is None:
            return picked
        if self.nth > len(picked):
            return []
        return [picked[self.nth] if self.nth < 0 else picked[self.nth - 1]]


@dataclass(frozen=True, slots=True)
class _Cron:
    """A window at each of ``hours`` on the picked days. ``by_hours``: the hours were written as an increment."""

    hours: tuple[int, ...]
    by_hours: bool
    months: frozenset[int]
    days: _Days

    def opening_after(self, after_ms: int, anchor_ms: int) -> int:
        del anchor_ms  # the calendar alone decides
        moment = from_milliseconds(after_ms)
        month_index = moment.year * 12 + moment.month - 1
        # Ends within two years: _parse_cron refuses what does not open in every year.
        while True:
            year, month = month_index // 12, month_index % 12 + 1
            if month in self.months:
                for day in self.days.in_month(year, month):
                    midnight_ms = (date(year, month, day).toordinal() - _EPOCH_DAY) * _DAY_MS
                    for hour in self.hours:
                        if (opens_ms := midnight_ms + hour * _HOUR_MS) > after_ms:
                            return opens_ms
            month_index += 1

    def default_close(self, opens_ms: int) -> int:
        return opens_ms + _HOUR_MS if self.by_hours else _end_of_day(opens_ms)

    def longest_duration_hours(self) -> int:
        return min(after - before for before, after in zip(self.hours, (*self.hours[1:], 24), strict=True))


def _parse_cron(fields: list[str]) -> _Cron:
    if len(fields) != 6:
        raise ScheduleError("A cron expression has six fields: Minutes Hours Day-of-month Month Day-of-week Year.")
    minutes, hours, month_days, months, week_days, year = (field.upper() for field in fields)
    if minutes not in {"0", "00"}:
        raise ScheduleError("The Minutes field of a cron expression must be 0: rotation windows open on the hour.")
    if year != "*":
        raise ScheduleError("The Year field of a cron expression must be *.")
    if (month_days == "?") == (week_days == "?"):
        raise ScheduleError("Exactly one of Day-of-month and Day-of-week must be ?.")
    days = _parse_month_days(month_days) if week_days == "?" else _parse_week_days(week_days)
    cron = _Cron(
        hours=_parse_hours(hours),
        by_hours="/" in hours,
        months=frozenset(_parse_set("Month", months, 1, 12, _MONTH_NAMES)),
        days=days,
    )
    if not all(any(days.in_month(year, month) for month in cron.months) for year in _EVERY_KIND_OF_YEAR):
        raise ScheduleError("A cron expression must open a rotation window at least once in every year.")
    return cron


def _parse_hours(text: str) -> tuple[int, ...]:
    """One hour, or an increment of at least four: the Hours field has no other wildcards."""
    if "," in text or "-" in text:
        raise ScheduleError("The Hours field of a cron expression takes one hour, or an increment such as 8/12.")
    hours = _parse_set("Hours", text, 0, 23, {})
    if len(hours) > 1 and hours[1] - hours[0] < _LEAST_HOURS:
        raise ScheduleError(f"A secret can be rotated at most every {_LEAST_HOURS} hours.")
    return hours


def _parse_month_days(text: str) -> _Days:
    if text == "L":
        return _LastMonthDay()
    return _MonthDays(_parse_set("Day-of-month", text, 1, 31, {}))


def _parse_week_days(text: str) -> _Days:
    if text == "L":
        return _WeekDays((7,))  # the last day of the week is Saturday
    if text.endswith("L"):
        return _WeekDays((_parse_value("Day-of-week", text[:-1], 1, 7, _DAY_NAMES),), nth=-1)
    if "#" in text:
        day, _, nth = text.partition("#")
        return _WeekDays(
            (_parse_value("Day-of-week", day, 1, 7, _DAY_NAMES),), nth=_parse_value("Day-of-week", nth, 1, 5, {})
        )
    return _WeekDays(_parse_set("Day-of-week", text, 1, 7, _DAY_NAMES))


def _parse_set(field: str, text: str, least: int, most: int, names: Mapping[str, int]) -> tuple[int, ...]:
    """The values of a field, ascending. Items, joined by ``,``, are ``*``, a value or a range, maybe with ``/step``."""
    values: set[int] = set()
    for item in text.split(","):
        span, slash, step_text = item.partition("/")
        step = _parse_value(field, step_text, 1, most, {}) if slash else 1
        first_text, dash, last_text = span.partition("-")
        if span == "*":
            first, last = least, most
        else:
            first = _parse_value(field, first_text, least, most, names)
            last = most if slash else first
            if dash:
                last = _parse_value(field, last_text, least, most, names)
        if last < first:
            raise ScheduleError(f"A range in the {field} field of a cron expression must not run backwards.")
        values.update(range(first, last + 1, step))
    return tuple(sorted(values))


def _parse_value(field: str, text: str, least: int, most: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    # isdecimal alone would let digits of other scripts through.
    if text.isascii() and text.isdecimal() and len(text) <= 2 and least <= int(text) <= most:
        return int(text)
    raise ScheduleError(f"The {field} field of a cron expression is not valid.")
