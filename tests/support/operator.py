"""The operator's API from a test: a client made from our own service model, as any SDK would make it."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config
from tests.support.server import Credentials, RunningServer

from strongroom.wire import OWN_MODELS

__all__ = ["operator_client"]


def operator_client(server: RunningServer, credentials: Credentials | None = None) -> Any:
    """A client of ``strongroom``; as the administrator unless other credentials are given. It never retries."""
    who = credentials or server.administrator
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.append(str(OWN_MODELS))
    return session.create_client(
        "strongroom",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=who.access_key_id,
        aws_secret_access_key=who.secret_access_key,
        aws_session_token=who.session_token,
        config=Config(retries={"total_max_attempts": 1}),
    )
