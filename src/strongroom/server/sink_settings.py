"""What the settings say of the sinks: TOML tables ``[[audit_sinks]]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["FilePlan", "HttpsPlan", "SinkPlan", "StdoutPlan", "SyslogPlan"]


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", text):
        raise ValueError("a sink's name has up to 32 lower-case letters, digits and hyphens")
    return text


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("give an absolute path")
    return path


def _syslog_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
        return text
    if parts.scheme in {"udp", "tcp", "tls"} and parts.hostname and parts.port and not parts.path:
        return text
    raise ValueError("a syslog address looks like unix:/dev/log, udp://host:514, tcp://host:601 or tls://host:6514")


def _https(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password or parts.fragment:
        raise ValueError("give an https:// address without user, password and fragment")
    return text


class _Plan(BaseModel):
    """What all kinds have.

    Attributes:
        name: What to call it; its kind by default. Its place in the trail is kept under this name.
        required: Whether answers wait until it has recorded.
        timeout_seconds: How long it may take for a batch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_name)] = ""
    required: bool = False
    timeout_seconds: float = Field(5.0, gt=0, le=60)

    @property
    def label(self) -> str:
        """Its name, or its kind for want of one."""
        return self.name or str(getattr(self, "kind", ""))


class FilePlan(_Plan):
    """A file or a named pipe.

    Attributes:
        path: Where it is, or will be.
    """

    kind: Literal["file"]
    path: Annotated[Path, AfterValidator(_absolute)]


class StdoutPlan(_Plan):
    """The server's standard output."""

    kind: Literal["stdout"]


class SyslogPlan(_Plan):
    """A syslog daemon (RFC 5424).

    Attributes:
        address: ``unix:/dev/log``, ``udp://host:port``, ``tcp://host:port`` or ``tls://host:port``.
        ca_file: PEM file of certificate authorities for ``tls``; the system's by default.
    """

    kind: Literal["syslog"]
    address: Annotated[str, AfterValidator(_syslog_address)] = "unix:/dev/log"
    ca_file: Path | None = None


class HttpsPlan(_Plan):
    """A collector that takes lines of JSON by POST.

    Attributes:
        url: Where to.
        token_file: File that holds a bearer token.
        ca_file: PEM file of certificate authorities; the system's by default.
    """

    kind: Literal["https"]
    url: Annotated[str, AfterValidator(_https)]
    token_file: Path | None = None
    ca_file: Path | None = None


SinkPlan = Annotated[FilePlan | StdoutPlan | SyslogPlan | HttpsPlan, Field(discriminator="kind")]
