"""Rotate the password of a RabbitMQ user.

An AWS Lambda rotation function. The secret is a JSON object: ``engine`` (``rabbitmq``), ``host``, ``username`` and
``password`` are required; ``port`` (AMQP, default 5672, with ``ssl`` true 5671), ``managementPort`` (default 15672,
with ``ssl`` true 15671), ``virtualHost`` (default ``/``) and ``ssl`` are optional; other keys survive.

Only a user with the tag ``administrator`` may change passwords: ``masterarn`` names the secret of one, for the same
host and port; without it the user itself must have that tag. See `contract` and `logins` for the environment and for
``ssl``, and `rabbitmq` for how the server is spoken to.

RabbitMQ knows one password per user. Connections that are open stay open; between the new password and the new label a
new connection with the old password is refused, and an application has to read the secret once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .contract import RotatedSecret, RotationError, Strategy, Values, rotate
from .logins import Login, LoginFailed, earlier_logins, require_same_account
from .masters import master_login
from .rabbitmq import RULES, User, change_password, log_in, parse_user

__all__ = ["lambda_handler"]


def lambda_handler(event: Mapping[str, str], context: object) -> None:
    """Run one step of a rotation; see `contract.rotate`. ``context`` is the invocation's context, unused."""
    del context
    rotate(event, _RabbitMQUser())


class _RabbitMQUser(Strategy):
    def check(self, values: Values, where: str) -> None:
        """See `Strategy`."""
        parse_user(values, where)

    def renew(self, secret: RotatedSecret, current: Values) -> dict[str, object]:
        """See `Strategy`."""
        return {**current, "password": secret.new_password()}

    def apply(self, secret: RotatedSecret) -> None:
        """See `Strategy`.

        One of the secret's passwords must log in, also where a master user makes the change. Otherwise whoever may
        write the secret could have any user's password set.
        """
        values = secret.current()
        current = parse_user(values, secret.where("AWSCURRENT"))
        pending = parse_user(secret.pending(), secret.where("AWSPENDING"))
        require_same_account(secret, current.login, pending.login)
        failures: list[str] = []
        if _enters(pending, "AWSPENDING", failures):
            return
        known = _known(secret, current, failures)
        if known is None:
            raise RotationError(f"No version of {secret.arn} logs in. " + "; ".join(failures))
        changer = master_login(secret, values, current.login, RULES) if values.get("masterarn") else known
        change_password(changer, pending)
        self.prove(secret)

    def prove(self, secret: RotatedSecret) -> None:
        """See `Strategy`."""
        failures: list[str] = []
        if not _enters(parse_user(secret.pending(), secret.where("AWSPENDING")), "the password", failures):
            raise RotationError(f"The AWSPENDING password of {secret.arn} does not log in: {failures[0]}")


def _known(secret: RotatedSecret, current: User, failures: list[str]) -> Login | None:
    """The login that works: AWSCURRENT's or, after a rotation that did not come to its end, an earlier one."""
    if _enters(current, "AWSCURRENT", failures):
        return current.login
    for what, login in earlier_logins(secret, current.login, lambda values, where: parse_user(values, where).login):
        if _enters(replace(current, login=login), what, failures):
            return login
    return None


def _enters(user: User, what: str, failures: list[str]) -> bool:
    """Whether a user is let in; otherwise the reason is added to ``failures``."""
    try:
        log_in(user)
    except LoginFailed as failure:
        failures.append(f"{what}: {failure}")
        return False
    return True
