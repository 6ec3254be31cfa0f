"""The settings of one installation on one host.

Each comes, in this order of precedence, from the command line, from ``STRONGROOM_*`` in the environment, from a TOML
file (``--config``, or ``strongroom.toml`` in the data folder), or from the default written here.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from strongroom.errors import OperatorError
from strongroom.server.sink_settings import SinkPlan

if TYPE_CHECKING:
    from strongroom.services.secretsmanager.quotas import SecretsManagerQuotas

__all__ = ["DEFAULT_PORT", "Settings", "load_settings"]

DEFAULT_PORT = 4566
CONFIG_VARIABLE = "STRONGROOM_CONFIG"
CONFIG_NAME = "strongroom.toml"


def _account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", text):
        raise ValueError("an account id has 12 digits")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", text):
        raise ValueError("a region looks like eu-central-1")
    return text


def _quotas(given: Literal["none"] | dict[str, dict[str, float]]) -> Literal["none"] | dict[str, dict[str, float]]:
    if given and isinstance(given, dict):
        # Here, for a service takes longer to load than most commands run, and they all read the settings.
        from strongroom.services.secretsmanager.quotas import SecretsManagerQuotas  # noqa: PLC0415

        for service, changes in given.items():
            if service != "secretsmanager":
                raise ValueError(f"there are no quotas of {service}; there are some of secretsmanager")
            SecretsManagerQuotas.adjusted(changes)
    return given


class OidcIssuer(BaseModel):
    """An OpenID Connect issuer whose tokens AssumeRoleWithWebIdentity may verify on this host."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    jwks_file: Path | None = None
    jwks_uri: str | None = None
    ca_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: object) -> object:
        """The URL alone is enough for an issuer that can be asked for its keys."""
        return {"issuer": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Here, for the store takes longer to load than most commands run, and they all read the settings.
        from strongroom.identity.web_identity_providers import issuer_problem  # noqa: PLC0415

        for url in (self.issuer, (self.jwks_uri or self.issuer).partition("?")[0]):
            problem = issuer_problem(url)
            if problem is not None:
                raise ValueError(f"{url}: {problem}")
        if self.jwks_file is not None and (self.jwks_uri or self.ca_file) is not None:
            raise ValueError("with a jwks_file nothing is fetched: leave out jwks_uri and ca_file")
        return self


def _sinks(given: tuple[SinkPlan, ...]) -> tuple[SinkPlan, ...]:
    names = [sink.label for sink in given]
    if len(set(names)) < len(names):
        raise ValueError("each sink needs a name of its own: give name where the kind is not enough")
    return given


def default_data_dir() -> Path:
    """Where data is kept when nobody says otherwise: ``$XDG_DATA_HOME/strongroom`` or ``~/.local/share/strongroom``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "strongroom"


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(env_prefix="STRONGROOM_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    data_dir: Path = Field(default_factory=default_data_dir, description="Folder of the installation.")
    region: Annotated[str, AfterValidator(_region)] = Field(
        "us-east-1", description="Region of the installation; fixed at first start."
    )
    more_regions: tuple[Annotated[str, AfterValidator(_region)], ...] = Field(
        (), description="Further regions that requests may be signed for."
    )
    account: Annotated[str, AfterValidator(_account)] = Field(
        "000000000000", description="Account of the installation; fixed at first start."
    )
    workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4), ge=1, le=64, description="Request worker processes."
    )
    tls_cert: Path | None = Field(None, description="PEM certificate chain to serve TLS with.")
    tls_key: Path | None = Field(None, description="PEM private key of that certificate.")
    insecure_listen: bool = Field(False, description="Allow a non-loopback address without TLS.")
    log_format: Literal["text", "json"] = Field("text", description="How the server writes its log to standard error.")
    store: str | None = Field(
        None, description="postgresql:// address of a shared store; a SQLite file in the data folder by default."
    )
    seal: Literal["file", "passphrase"] = Field(
        "file", description="How the root key is kept while the server is down; chosen at first start."
    )
    passphrase_source: str = Field(
        "prompt", description="Where the passphrase comes from: prompt, fd:N, file:PATH or credential:NAME."
    )
    pin_source: str = Field(
        "prompt", description="Where the PIN of a PKCS#11 token comes from: prompt, fd:N, file:PATH or credential:NAME."
    )
    admin_access_key_id: str | None = Field(
        None, description="Access key id of the administrator at first start, instead of a random one."
    )
    admin_secret_access_key_file: Path | None = Field(
        None, description="File that holds the administrator's secret access key at first start."
    )
    minute_schedules: bool = Field(False, description="Admit rate(N minutes) as a rotation schedule.")
    quotas: Annotated[Literal["none"] | dict[str, dict[str, float]], AfterValidator(_quotas)] = Field(
        default_factory=dict,
        description="Quotas that differ from AWS's, by service and name, 0 for no limit; or none for no limits at all.",
    )
    function_processes: int = Field(16, ge=1, le=1024, description="Function processes at once.")
    function_network: Literal["host", "strongroom"] = Field(
        "host", description="What functions can reach: what this host can, or Strongroom alone (needs bubblewrap)."
    )
    log_days: int = Field(
        90, ge=0, description="Days that log groups without a retention policy keep events; 0 keeps them for ever."
    )
    log_group_megabytes: int = Field(
        1024, ge=1, description="Size that a log group may reach before its oldest events are deleted."
    )
    database_check_minutes: int = Field(
        60,
        ge=0,
        description="Minutes between checks that master credentials of registered databases log in; 0 for on demand.",
    )
    backup_to: str | None = Field(
        None, description="Where the server keeps backups that it makes by itself: a folder, or s3://bucket/prefix."
    )
    backup_endpoint_url: str | None = Field(
        None, description="URL of the S3-compatible service of that bucket; AWS's own by default."
    )
    backup_hours: int = Field(24, ge=1, description="Hours between backups that the server makes by itself.")
    backup_keep: int = Field(14, ge=1, description="Newest backups to keep of those; older ones are deleted.")
    audit_file_megabytes: int = Field(
        256, ge=1, description="Size at which a file of the audit trail is closed, compressed, and the next begun."
    )
    audit_sinks: Annotated[tuple[SinkPlan, ...], AfterValidator(_sinks)] = Field(
        (), description="Further places that get every audit record; tables [[audit_sinks]] of the TOML file."
    )
    audit_keep_days: int = Field(
        0, ge=0, description="Days to keep closed files of the audit trail; 0 keeps them for ever."
    )
    audit_checkpoint_minutes: int = Field(
        10, ge=1, description="Minutes between signed checkpoints of the audit trail while it grows."
    )
    oidc_issuers: tuple[OidcIssuer, ...] = Field(
        (),
        description="OpenID Connect issuers whose tokens may be verified: URLs, or tables of issuer, jwks_file,"
        " jwks_uri and ca_file.",
    )
    ca_bundle: Path | None = Field(
        None, description="PEM file of certificate authorities that functions trust besides the public ones."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then the TOML file."""
        path = os.environ.get(CONFIG_VARIABLE)
        toml = TomlConfigSettingsSource(settings_cls, Path(path)) if path else None
        return (init_settings, env_settings, *([toml] if toml else []))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if (self.admin_access_key_id is None) != (self.admin_secret_access_key_file is None):
            raise ValueError("admin_access_key_id and admin_secret_access_key_file go together")
        if len({one.issuer for one in self.oidc_issuers}) < len(self.oidc_issuers):
            raise ValueError("oidc_issuers: one issuer is named twice")
        if not self.insecure_listen and self.tls_cert is None and not _is_loopback(self.host):
            raise ValueError(
                f"{self.host} can be reached from other machines and TLS is off: give tls_cert and tls_key,"
                " or allow it by name with insecure_listen"
            )
        return self

    @property
    def audit_sink_seconds(self) -> float:
        """The longest time that a required sink may take; 0 when none is required."""
        return max((sink.timeout_seconds for sink in self.audit_sinks if sink.required), default=0.0)

    @property
    def store_address(self) -> str:
        """The address for `strongroom.store.open_store`."""
        return self.store or str(self.data_dir / "store.sqlite")

    @property
    def secretsmanager_quotas(self) -> SecretsManagerQuotas:
        """The quotas of Secrets Manager that are in force."""
        from strongroom.services.secretsmanager.quotas import NO_QUOTAS, SecretsManagerQuotas  # noqa: PLC0415 - as above

        if isinstance(self.quotas, str):
            return NO_QUOTAS
        return SecretsManagerQuotas.adjusted(self.quotas.get("secretsmanager", {}))

    @property
    def regions(self) -> frozenset[str]:
        """Every region that requests may be signed for."""
        return frozenset((self.region, *self.more_regions))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(overrides: dict[str, object], *, config: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        overrides: What the command line said, by field name; None values are left out.
        config: The TOML file; by default ``$STRONGROOM_CONFIG``, else ``strongroom.toml`` in the data folder.

    Raises:
        OperatorError: A setting is wrong; the text names it.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    path = config or (Path(value) if (value := os.environ.get(CONFIG_VARIABLE)) else None)
    if path is not None and not path.is_file():
        raise OperatorError(f"The settings file {path} does not exist.", fix="correct --config or STRONGROOM_CONFIG")
    if path is None:
        folder = given.get("data_dir") or os.environ.get("STRONGROOM_DATA_DIR") or default_data_dir()
        found = Path(str(folder)) / CONFIG_NAME
        path = found if found.is_file() else None
    if path is not None:
        os.environ[CONFIG_VARIABLE] = str(path)
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'settings'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise OperatorError(
            "The settings are wrong.", why=problems, fix="see `strongroom serve --help` for each setting"
        ) from None
    except SettingsError as error:
        raise OperatorError(
            "The settings are wrong.", why=str(error), fix='write a list as JSON, such as ["eu-west-1", "eu-west-2"]'
        ) from None
    except ValueError as error:  # a TOML file that does not parse
        raise OperatorError(f"The settings file {path} cannot be read.", why=str(error), fix="mend the file") from None
