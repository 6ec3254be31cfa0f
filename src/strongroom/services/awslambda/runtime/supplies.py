"""What every function finds around it: the AWS SDK and the certificates it trusts."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from strongroom.errors import OperatorError

__all__ = ["BOOTSTRAP", "NODE_BOOTSTRAP", "RELAY", "SDK_PACKAGES", "sdk_libraries", "write_certificates"]

SDK_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
"""boto3 and exactly what it imports: all that functions see of the server's own installation."""

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
"""The program that runs Python handlers inside the sandbox."""

RELAY = Path(__file__).with_name("relay.py")
"""The program that leads a function's connections out of a network of its own."""

NODE_BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")
"""The program that runs Node.js handlers there."""

_SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def sdk_libraries() -> dict[str, Path]:
    """Where each package of the AWS SDK lies: name inside the runtime folder to folder or file on the host.

    Raises:
        OperatorError: One is not installed.
    """
    libraries: dict[str, Path] = {}
    for package in SDK_PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise OperatorError(
                "Python functions cannot be given the AWS SDK.",
                why=f"The package {package} is not installed.",
                fix="Install Strongroom again with its requirements.",
            )
        origin = Path(spec.origin)
        place = origin.parent if spec.submodule_search_locations else origin
        libraries[place.name] = place
    return libraries


def write_certificates(target: Path, extra: Path | None) -> None:
    """Write one PEM file with the public CAs and the operator's.

    Args:
        target: The file to write. The public CAs are the system's, or botocore's where the system has none.
        extra: The operator's CAs in PEM, such as those of databases and of Strongroom itself.

    Raises:
        OperatorError: ``extra`` cannot be read.
    """
    public = _SYSTEM_CERTIFICATES
    if not public.is_file():
        public = sdk_libraries()["botocore"] / "cacert.pem"
    content = public.read_bytes()
    if extra is not None:
        try:
            content += b"\n" + extra.read_bytes()
        except OSError as error:
            raise OperatorError(
                f"The CA bundle {extra} cannot be read.",
                why=error.strerror or "",
                fix="Correct the path of the CA bundle, or make it readable to the server.",
            ) from error
    target.write_bytes(content)
    target.chmod(0o444)
