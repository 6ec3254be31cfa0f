"""The environment variables of a function process.

Built from nothing: no variable of the server's own ever gets in. The names and their meaning are AWS's ("Using Lambda
environment variables", "Defined runtime environment variables").
"""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.services.awslambda.runtime.model import Credentials, FunctionSpec, Surroundings
from strongroom.services.awslambda.runtime.sandbox import Layout

__all__ = ["RESERVED_VARIABLES", "function_environment"]

RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
"""Names that a function's configuration cannot set; Lambda refuses them and so does this module by ignoring them."""


def function_environment(
    spec: FunctionSpec,
    surroundings: Surroundings,
    own: Mapping[str, str],
    credentials: Credentials,
    layout: Layout,
    *,
    runtime_api: str,
    log_stream: str,
) -> dict[str, str]:
    """Every variable of one function process.

    Args:
        spec: The function.
        surroundings: Names Strongroom's endpoint.
        own: The function's own variables, in clear.
        credentials: Of the execution role.
        layout: Where the process finds things.
        runtime_api: ``host:port/token``; runtimes put ``http://`` before it.
        log_stream: The name of its log stream.
    """
    defaults = {
        "AWS_CA_BUNDLE": layout.certificates,
        "AWS_ENDPOINT_URL": surroundings.endpoint_url,
        "HOME": layout.temporary,
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": f"{layout.task_root}:{layout.task_root}/lib:{layout.layers}/lib",
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layout.layers}/bin",
        "SECRETS_MANAGER_ENDPOINT": surroundings.endpoint_url,
        "SSL_CERT_FILE": layout.certificates,
        "TMPDIR": layout.temporary,
        "TZ": ":UTC",
    }
    if spec.runtime.startswith("nodejs"):
        folder, major = f"{layout.layers}/nodejs", spec.runtime.removesuffix(".x").removeprefix("nodejs")
        defaults["NODE_PATH"] = f"{folder}/node{major}/node_modules:{folder}/node_modules"
    chosen = {name: value for name, value in own.items() if name not in RESERVED_VARIABLES}
    fixed = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_megabytes),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "LAMBDA_RUNTIME_DIR": layout.runtime_dir,
        "LAMBDA_TASK_ROOT": layout.task_root,
        "_HANDLER": spec.handler,
    }
    return defaults | chosen | fixed
