"""What the audit trail's sinks and upkeep have to say on the health page."""

from __future__ import annotations

from strongroom.audit.sinks import SinkGate
from strongroom.audit.unavailable import SinkUnavailable

__all__ = ["sink_troubles"]


async def sink_troubles(gate: SinkGate | None, *, required: bool) -> list[str]:
    """What is wrong with sinks, and with what looks after the trail, in plain words.

    Args:
        gate: The way to whoever does that; None for a process that has none.
        required: Whether to tell of those that answers wait for, or of the others.
    """
    if gate is None:
        return []
    try:
        state = await gate.states()
    except SinkUnavailable as error:
        return [f"It is not known how the audit sinks are: {error.why}."] if required == gate.required else []
    found = [sink.text() for sink in state.sinks if sink.why is not None and sink.required == required]
    if state.upkeep is not None and not required:
        found.append(state.upkeep)
    return found
