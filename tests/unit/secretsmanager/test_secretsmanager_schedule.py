"""Rotation schedules: the grammar, the windows, and cron against a slow reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.services.secretsmanager.schedule import (
    RotationRules,
    Schedule,
    ScheduleError,
    Window,
    parse_duration,
    parse_schedule,
)
from strongroom.world import from_milliseconds, to_milliseconds


def ms(text: str) -> int:
    return to_milliseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))


def window(schedule: Schedule, after: str, anchor: str | None = None) -> tuple[str, str]:
    found = schedule.next_window(ms(after), ms(anchor or after))
    form = "%Y-%m-%dT%H:%M"
    return from_milliseconds(found.opens_ms).strftime(form), from_milliseconds(found.closes_ms).strftime(form)


# --- rates


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(10 days)", "2026-02-03T18:42:24", ("2026-02-13T00:00", "2026-02-14T00:00")),
        ("rate(1 day)", "2026-02-28T23:59:59", ("2026-03-01T00:00", "2026-03-02T00:00")),
        ("rate(4 hours)", "2026-02-03T10:20:00", ("2026-02-03T14:00", "2026-02-03T15:00")),
        ("rate(5 hours)", "2026-02-03T18:59:59", ("2026-02-03T23:00", "2026-02-04T00:00")),
        ("rate( 36  hours )", "2026-02-03T10:20:00", ("2026-02-04T22:00", "2026-02-04T23:00")),
    ],
)
def test_rate_opens_on_the_hour_or_at_midnight(expression: str, after: str, expected: tuple[str, str]) -> None:
    assert window(parse_schedule(expression), after) == expected


def test_rate_keeps_its_beat_when_windows_were_missed() -> None:
    schedule = parse_schedule("rate(10 days)")
    assert window(schedule, "2026-03-20T12:00:00", "2026-03-01T09:00:00")[0] == "2026-03-21T00:00"
    assert window(schedule, "2026-03-21T00:00:00", "2026-03-01T09:00:00")[0] == "2026-03-31T00:00"


def test_minutes_count_from_the_anchor_and_close_a_period_later() -> None:
    schedule = parse_schedule("rate(2 minutes)", allow_minutes=True)
    anchor = ms("2026-02-03T10:00:30")
    assert schedule.next_window(anchor, anchor) == Window(anchor + 120_000, anchor + 240_000)


def test_minutes_are_refused_unless_the_operator_admits_them() -> None:
    with pytest.raises(ScheduleError, match="hours or days"):
        parse_schedule("rate(5 minutes)")


def test_automatically_after_days_is_a_rate() -> None:
    schedule = RotationRules(automatically_after_days=30).validate()
    found = schedule.next_window(ms("2026-02-03T17:42:24"), ms("2026-02-03T17:42:24"))
    # As real answers of DescribeSecret have it: 30 days on, the last second of the day.
    assert found.last_moment_ms == ms("2026-03-05T23:59:59")
    assert RotationRules(automatically_after_days=1000).validate().interval_days(0, 0) == 1000


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate",
        "rate()",
        "rate(10)",
        "rate(0 days)",
        "rate(-1 days)",
        "rate(1.5 days)",
        "rate(3 hours)",
        "rate(1000 days)",
        "rate(23977 hours)",
        "rate(999999999999 days)",
        "rate(2 weeks)",
        "rate(10days)",
        "Rate(10 days)",
        "rate(١٠ days)",
        "rate(10 days)\n",
        "at(2026-01-01T00:00:00)",
    ],
)
def test_rate_grammar(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(expression)


@given(
    count=st.integers(1, 2000),
    unit=st.sampled_from(["minute", "hour", "day"]),
    anchor=st.integers(0, 4_000_000_000_000),
    lag=st.integers(-10_000_000_000, 100_000_000_000),
)
def test_rate_windows_come_strictly_after_and_in_order(count: int, unit: str, anchor: int, lag: int) -> None:
    try:
        schedule = parse_schedule(f"rate({count} {unit}s)", allow_minutes=True)
    except ScheduleError:
        return
    after = max(0, anchor + lag)
    first = schedule.next_window(after, anchor)
    second = schedule.next_window(first.opens_ms, anchor)
    period = count * {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}[unit]
    assert after < first.opens_ms < first.closes_ms <= second.opens_ms
    assert first.opens_ms > anchor
    assert second.opens_ms - first.opens_ms == period
    assert first.opens_ms - max(after, anchor) <= period


# --- durations


@pytest.mark.parametrize(("text", "hours"), [("1h", 1), ("3h", 3), ("24h", 24), ("03h", 3)])
def test_duration(text: str, hours: int) -> None:
    assert parse_duration(text) == hours


@pytest.mark.parametrize("text", ["0h", "25h", "h", "3", "3m", "3H", "-1h", "100h", " 3h", "3h\n", "٣h"])
def test_duration_grammar(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("expression", "longest"),
    [
        ("rate(10 days)", 24),
        ("rate(4 hours)", 4),
        ("rate(30 hours)", 24),
        ("cron(0 8 * * ? *)", 16),
        ("cron(0 0 1 * ? *)", 24),
        ("cron(0 23 1 * ? *)", 1),
        ("cron(0 4/12 * * ? *)", 8),
        ("cron(0 2/10 * * ? *)", 2),
        ("cron(0 0/6 * * ? *)", 6),
    ],
)
def test_window_reaches_neither_the_next_window_nor_the_next_day(expression: str, longest: int) -> None:
    assert RotationRules(schedule_expression=expression, duration_hours=longest).validate().duration_hours == longest
    with pytest.raises(ScheduleError, match=f"at most {longest}h"):
        RotationRules(schedule_expression=expression, duration_hours=longest + 1).validate()


def test_window_of_a_rate_in_hours_ends_with_its_day() -> None:
    schedule = RotationRules(schedule_expression="rate(5 hours)", duration_hours=3).validate()
    assert window(schedule, "2026-02-03T18:00:00") == ("2026-02-03T23:00", "2026-02-04T00:00")
    assert window(schedule, "2026-02-03T10:00:00") == ("2026-02-03T15:00", "2026-02-03T18:00")


def test_minutes_take_a_duration_only_when_an_hour_fits() -> None:
    rules = RotationRules(schedule_expression="rate(90 minutes)", duration_hours=1)
    assert rules.validate(allow_minutes=True).duration_hours == 1
    with pytest.raises(ScheduleError, match="takes no Duration"):
        RotationRules(schedule_expression="rate(59 minutes)", duration_hours=1).validate(allow_minutes=True)


@pytest.mark.parametrize(
    "rules",
    [
        RotationRules(),
        RotationRules(duration_hours=3),
        RotationRules(automatically_after_days=0),
        RotationRules(automatically_after_days=1001),
        RotationRules(automatically_after_days=10, duration_hours=25),
        RotationRules(automatically_after_days=10, schedule_expression="rate(10 days)"),
    ],
)
def test_rules_that_contradict_themselves(rules: RotationRules) -> None:
    with pytest.raises(ScheduleError):
        rules.validate()


# --- cron


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # After Wednesday, 2026-07-15T12:30. The expressions are the examples of the user guide.
        ("cron(0 10 * * ? *)", ("2026-07-16T10:00", "2026-07-17T00:00")),
        ("cron(0 18 ? * SAT *)", ("2026-07-18T18:00", "2026-07-19T00:00")),
        ("cron(0 8 1 * ? *)", ("2026-08-01T08:00", "2026-08-02T00:00")),
        ("cron(0 1 ? 1/3 SUN#1 *)", ("2026-10-04T01:00", "2026-10-05T00:00")),
        ("cron(0 17 L * ? *)", ("2026-07-31T17:00", "2026-08-01T00:00")),
        ("cron(0 8 ? * MON-FRI *)", ("2026-07-16T08:00", "2026-07-17T00:00")),
        ("cron(0 16 1,15 * ? *)", ("2026-07-15T16:00", "2026-07-16T00:00")),
        ("cron(0 0 ? * SUN#1 *)", ("2026-08-02T00:00", "2026-08-03T00:00")),
        ("cron(0 8/8 * * ? *)", ("2026-07-15T16:00", "2026-07-15T17:00")),
        ("cron(0 4/12 * * ? *)", ("2026-07-15T16:00", "2026-07-15T17:00")),
        ("cron(0 */6 * * ? *)", ("2026-07-15T18:00", "2026-07-15T19:00")),
        ("cron(0 0 ? * SUNL *)", ("2026-07-26T00:00", "2026-07-27T00:00")),
        ("cron(0 0 ? * 1L *)", ("2026-07-26T00:00", "2026-07-27T00:00")),
        ("cron(0 0 ? * L *)", ("2026-07-18T00:00", "2026-07-19T00:00")),
        ("cron(0 0 1/10 * ? *)", ("2026-07-21T00:00", "2026-07-22T00:00")),
        ("cron(0 0 ? jan,apr mon *)", ("2027-01-04T00:00", "2027-01-05T00:00")),
        ("cron(0 0 ? * THU#5 *)", ("2026-07-30T00:00", "2026-07-31T00:00")),
        ("cron(0 0 31 * ? *)", ("2026-07-31T00:00", "2026-08-01T00:00")),
    ],
)
def test_cron_windows(expression: str, expected: tuple[str, str]) -> None:
    assert window(parse_schedule(expression), "2026-07-15T12:30:00") == expected


def test_cron_with_a_duration() -> None:
    schedule = RotationRules(schedule_expression="cron(0 16 1,15 * ? *)", duration_hours=2).validate()
    found = schedule.next_window(ms("2022-10-07T00:00:00"), 0)
    assert found.last_moment_ms == ms("2022-10-15T17:59:59")
    assert schedule.interval_days(ms("2022-09-30T00:00:00"), 0) == 14


@pytest.mark.parametrize(
    "expression",
    [
        "cron()",
        "cron(0 8 * * ?)",
        "cron(0 8 * * ? * *)",
        "cron(5 8 * * ? *)",
        "cron(* 8 * * ? *)",
        "cron(0 8 * * ? 2026)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(0 8 1 * MON *)",
        "cron(0 24 * * ? *)",
        "cron(0 8,20 * * ? *)",
        "cron(0 8-10 * * ? *)",
        "cron(0 * * * ? *)",
        "cron(0 0/3 * * ? *)",
        "cron(0 0/0 * * ? *)",
        "cron(0 8 0 * ? *)",
        "cron(0 8 32 * ? *)",
        "cron(0 8 15W * ? *)",
        "cron(0 8 L,1 * ? *)",
        "cron(0 8 5-1 * ? *)",
        "cron(0 8 1- * ? *)",
        "cron(0 8 1,,2 * ? *)",
        "cron(0 8 * 13 ? *)",
        "cron(0 8 * L ? *)",
        "cron(0 8 ? * 8 *)",
        "cron(0 8 ? * SUN#6 *)",
        "cron(0 8 ? * SUN#0 *)",
        "cron(0 8 ? * SUN#1,MON#1 *)",
        "cron(0 8 ? * XYZ *)",
        # Days that some or all years do not have.
        "cron(0 8 30 2 ? *)",
        "cron(0 8 29 FEB ? *)",
        "cron(0 8 31 4,6,9,11 ? *)",
        "cron(0 8 ? FEB SUN#5 *)",
    ],
)
def test_cron_grammar(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(expression)


DAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@dataclass(frozen=True)
class Field:
    """A piece of cron text, with its meaning said in another way than the parser does."""

    text: str
    holds: Callable[[datetime], bool]


def day_of_week(moment: datetime) -> int:
    return moment.isoweekday() % 7 + 1


def leaves_month(moment: datetime, days: int) -> bool:
    return (moment + timedelta(days=days)).month != moment.month


@st.composite
def hour_fields(draw: st.DrawFn) -> Field:
    first = draw(st.integers(0, 23))
    if draw(st.booleans()):
        return Field(str(first), lambda at: at.hour == first)
    step = draw(st.integers(4, 23))
    return Field(f"{first}/{step}", lambda at: at.hour >= first and (at.hour - first) % step == 0)


@st.composite
def month_fields(draw: st.DrawFn) -> Field:
    picked = draw(st.one_of(st.none(), st.sets(st.integers(1, 12), min_size=1, max_size=4)))
    if picked is None:
        return Field("*", lambda at: True)
    return Field(",".join(map(str, picked)), lambda at: at.month in picked)


@st.composite
def month_day_fields(draw: st.DrawFn) -> Field:
    first, last = sorted((draw(st.integers(1, 31)), draw(st.integers(1, 31))))
    step = draw(st.integers(1, 31))
    return draw(
        st.sampled_from(
            [
                Field("*", lambda at: True),
                Field("L", lambda at: leaves_month(at, 1)),
                Field(f"{first},{last}", lambda at: at.day in (first, last)),
                Field(f"{first}-{last}", lambda at: first <= at.day <= last),
                Field(f"{first}/{step}", lambda at: at.day >= first and (at.day - first) % step == 0),
            ]
        )
    )


@st.composite
def week_day_fields(draw: st.DrawFn) -> Field:
    first, last = sorted((draw(st.integers(1, 7)), draw(st.integers(1, 7))))
    nth = draw(st.integers(1, 5))
    name = DAY_NAMES[first - 1]
    return draw(
        st.sampled_from(
            [
                Field("*", lambda at: True),
                Field("L", lambda at: day_of_week(at) == 7),
                Field(f"{name},{last}", lambda at: day_of_week(at) in (first, last)),
                Field(f"{first}-{DAY_NAMES[last - 1]}", lambda at: first <= day_of_week(at) <= last),
                Field(f"{name}#{nth}", lambda at: day_of_week(at) == first and (at.day + 6) // 7 == nth),
                Field(f"{name}L", lambda at: day_of_week(at) == first and leaves_month(at, 7)),
            ]
        )
    )


@settings(max_examples=150, deadline=None)
@given(
    hours=hour_fields(),
    months=month_fields(),
    by_month=st.booleans(),
    month_days=month_day_fields(),
    week_days=week_day_fields(),
    after_ms=st.integers(ms("1999-01-01"), ms("2040-01-01")),
)
def test_cron_agrees_with_walking_through_every_hour(
    *, hours: Field, months: Field, by_month: bool, month_days: Field, week_days: Field, after_ms: int
) -> None:
    days = month_days if by_month else week_days
    pair = f"{month_days.text} {months.text} ?" if by_month else f"? {months.text} {week_days.text}"
    try:
        schedule = parse_schedule(f"cron(0 {hours.text} {pair} *)")
    except ScheduleError as error:
        assert "every year" in str(error)  # noqa: PT017
        return

    found = from_milliseconds(schedule.next_window(after_ms, 0).opens_ms)

    # The first full hour after the instant in which every field holds: the days first, to keep the walk short.
    expected = from_milliseconds(after_ms).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while not (months.holds(expected) and days.holds(expected) and hours.holds(expected)):
        if not (months.holds(expected) and days.holds(expected)):
            expected = expected.replace(hour=23)
        expected += timedelta(hours=1)
    assert found == expected


@given(text=st.text(alphabet="0123456789LSUNMOJAEB*?,-/# ()cronrate", max_size=60))
def test_any_text_is_a_schedule_or_a_schedule_error(text: str) -> None:
    for expression in (text, f"cron(0 {text} *)", f"cron(0 8 {text})", f"rate({text})"):
        try:
            parse_schedule(expression)
        except ScheduleError:
            continue
