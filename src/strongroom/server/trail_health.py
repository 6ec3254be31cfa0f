"""What the sinks of the audit trail have to say on the health page."""

from __future__ import annotations

from strongroom.audit.sinks import SinkGate
from strongroom.audit.unavailable import SinkUnavailable

__all__ = ["sink_troubles"]


async def sink_troubles(gate: SinkGate | None, *, required: bool) -> list[str]:
    """What is wrong with sinks, in plain words.

    Args:
        gate: The way to whoever feeds them; None without any.
        required: Whether to tell of those that answers wait for, or of the others.
    """
    if gate is None:
        return []
    try:
        states = await gate.states()
    except SinkUnavailable as error:
        return [f"The audit sinks are in an unknown state: {error.why}."] if required == gate.required else []
    return [state.text() for state in states if state.why is not None and state.required == required]
