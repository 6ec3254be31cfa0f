"""The way from a command to the running server: its address and its administrator, as the data folder has them."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from strongroom.errors import OperatorError
from strongroom.server.folder import DataFolder, Installation
from strongroom.server.settings import load_settings
from strongroom.wire import OWN_MODELS

__all__ = ["Door", "Key", "open_door", "refusals_in_words", "running_endpoint"]

_PROFILE = "strongroom"


@dataclass(frozen=True)
class Key:
    """Credentials for a client."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Door:
    """A running server, as its administrator reaches it.

    Attributes:
        installation: What the data folder says of it.
        endpoint: Its URL.
        administrator: The key in ``admin.credentials``.
        ca_bundle: The certificate authorities to trust, besides the public ones when it is None.
    """

    installation: Installation
    endpoint: str
    administrator: Key
    ca_bundle: Path | None

    def client(self, service: str, key: Key | None = None, *, region: str | None = None) -> Any:
        """A client of a service, ``strongroom`` included; as the administrator unless another key is given."""
        who = key or self.administrator
        session = botocore.session.get_session()
        session.get_component("data_loader").search_paths.append(str(OWN_MODELS))
        return session.create_client(
            service,
            region_name=region or self.installation.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=who.access_key_id,
            aws_secret_access_key=who.secret_access_key,
            aws_session_token=who.session_token,
            verify=str(self.ca_bundle) if self.ca_bundle else None,
            config=Config(retries={"total_max_attempts": 1}),
        )


def open_door(data_dir: Path | None, endpoint: str | None, ca_bundle: Path | None) -> Door:
    """Find the server of a data folder, and the administrator's key.

    Args:
        data_dir: The folder; the settings say which by default.
        endpoint: The server's URL, instead of the one that the folder has.
        ca_bundle: A PEM file of certificate authorities.

    Raises:
        OperatorError: There is no installation, no running server or no key.
    """
    folder = DataFolder(load_settings({"data_dir": data_dir}).data_dir)
    installation = folder.installation()
    if installation is None:
        raise OperatorError(
            f"There is no installation in {folder.path}.",
            fix="start one with `strongroom serve`, or name its folder with --data-dir",
        )
    return Door(installation, endpoint or running_endpoint(folder), _administrator(folder), ca_bundle)


def running_endpoint(folder: DataFolder) -> str:
    """The URL of the server that runs on a data folder.

    Raises:
        OperatorError: There is none.
    """
    try:
        return str(json.loads(folder.running.read_bytes())["endpoint"])
    except (OSError, ValueError, KeyError):
        raise OperatorError(
            f"No server is running on {folder.path}.",
            fix="start it with `strongroom serve`, or name it with --endpoint",
        ) from None


def _administrator(folder: DataFolder) -> Key:
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(folder.admin_credentials.read_text("utf-8"))
        profile = found[_PROFILE]
        return Key(profile["aws_access_key_id"], profile["aws_secret_access_key"])
    except (OSError, ValueError, KeyError, configparser.Error) as error:
        raise OperatorError(
            f"The administrator's key could not be read from {folder.admin_credentials}.",
            why=type(error).__name__,
            fix="put the file back, or use the AWS CLI with another administrator's key",
        ) from None


@contextmanager
def refusals_in_words(what: str) -> Iterator[None]:
    """Turn what a client raises into words for the operator.

    Args:
        what: What failed then.

    Raises:
        OperatorError: The server refused, or could not be reached.
    """
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        raise OperatorError(what, why=f"{told['Code']}: {told['Message']}") from None
    except ParamValidationError as error:
        raise OperatorError(what, why=str(error)) from None
    except BotoCoreError as error:
        raise OperatorError(
            what,
            why=str(error),
            fix="see `strongroom status`; for a private certificate authority give --ca-bundle and, if the "
            "certificate has another name, --endpoint",
        ) from None
