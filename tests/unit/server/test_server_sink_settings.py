"""What the settings admit as a sink, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from strongroom.audit.sinks.descriptors import StreamSink
from strongroom.audit.sinks.file import FileSink
from strongroom.audit.sinks.https import HttpsSink
from strongroom.audit.sinks.syslog import SyslogSink
from strongroom.errors import OperatorError
from strongroom.server.settings import load_settings
from strongroom.server.sink_making import make_sink
from strongroom.server.sink_settings import SinkPlan

PLANS: TypeAdapter[SinkPlan] = TypeAdapter(SinkPlan)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "file", "path": "relative.jsonl"},
        {"kind": "file"},
        {"kind": "https", "url": "http://collector.example"},
        {"kind": "https", "url": "https://user:password@collector.example"},
        {"kind": "syslog", "address": "tcp://host"},
        {"kind": "syslog", "address": "unix:relative"},
        {"kind": "syslog", "address": "http://host:1"},
        {"kind": "stdout", "name": "../x"},
        {"kind": "stdout", "timeout_seconds": 0},
        {"kind": "stdout", "path": "/x"},
        {"kind": "carrier-pigeon"},
    ],
    ids=str,
)
def test_settings_that_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PLANS.validate_python(given)


@pytest.mark.parametrize(
    ("given", "label", "kind"),
    [
        ({"kind": "stdout"}, "stdout", StreamSink),
        ({"kind": "file", "path": "/x/y", "name": "copy"}, "copy", FileSink),
        ({"kind": "syslog"}, "syslog", SyslogSink),
        ({"kind": "https", "url": "https://collector.example/in?x=1"}, "https", HttpsSink),
    ],
)
def test_settings_that_make_a_sink(given: dict[str, object], label: str, kind: type) -> None:
    plan = PLANS.validate_python(given)
    assert (plan.label, plan.required, plan.timeout_seconds) == (label, False, 5.0)
    assert isinstance(make_sink(plan), kind)


def test_sinks_come_from_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text("""
        [[audit_sinks]]
        kind = "stdout"
        [[audit_sinks]]
        kind = "file"
        path = "/var/log/strongroom.jsonl"
        required = true
        timeout_seconds = 2.5
    """)
    monkeypatch.setenv("STRONGROOM_CONFIG", str(path))
    settings = load_settings({})
    assert [sink.label for sink in settings.audit_sinks] == ["stdout", "file"]
    assert settings.audit_sink_seconds == 2.5
    path.write_text("""
        [[audit_sinks]]
        kind = "stdout"
        [[audit_sinks]]
        kind = "stdout"
    """)
    with pytest.raises(OperatorError) as refused:
        load_settings({})
    assert "each sink needs a name of its own" in str(refused.value.why)
