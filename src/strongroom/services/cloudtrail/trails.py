"""The one trail there is, as AWS's tools ask for it: it has every account's events of every region, always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from strongroom.audit import Trail
from strongroom.errors import AwsError
from strongroom.services.call import Call

__all__ = ["TrailOperations"]

_NAME: Final = "strongroom"


class TrailOperations:
    """DescribeTrails, GetTrail, GetTrailStatus and ListTrails.

    Args:
        trail: The trail of this host.
        home_region: The region in which it is shown.
    """

    def __init__(self, trail: Trail, home_region: str) -> None:
        self._trail = trail
        self._home = home_region

    async def describe_trails(
        self, call: Call, *, trailNameList: Sequence[str] = (), includeShadowTrails: bool = True
    ) -> dict[str, object]:
        """The trail, if it is among those that are named and, without shadow trails, this is its home region.

        Raises:
            AwsError: Access denied.
        """
        call.authorize("cloudtrail:DescribeTrails", "*")
        arn = self._arn(call)
        shown = includeShadowTrails or call.region == self._home
        named = not trailNameList or _NAME in trailNameList or arn in trailNameList
        return {"trailList": [self._shape(call)] if shown and named else []}

    async def get_trail(self, call: Call, *, Name: str) -> dict[str, object]:
        """The trail by its name or ARN.

        Raises:
            AwsError: Access denied, or ``TrailNotFoundException``.
        """
        self._find(call, "cloudtrail:GetTrail", Name)
        return {"Trail": self._shape(call)}

    async def get_trail_status(self, call: Call, *, Name: str) -> dict[str, object]:
        """Whether the trail records, and if not, why.

        Raises:
            AwsError: Access denied, or ``TrailNotFoundException``.
        """
        self._find(call, "cloudtrail:GetTrailStatus", Name)
        problem = self._trail.health()
        return {"IsLogging": problem is None, "LatestDeliveryError": problem}

    async def list_trails(self, call: Call, *, NextToken: str | None = None) -> dict[str, object]:
        """The trail.

        Raises:
            AwsError: Access denied.
        """
        del NextToken
        call.authorize("cloudtrail:ListTrails", "*")
        return {"Trails": [{"TrailARN": self._arn(call), "Name": _NAME, "HomeRegion": self._home}]}

    def _find(self, call: Call, action: str, name: str) -> None:
        """Ask for a decision on a trail, and refuse it if it is not the one there is."""
        arn = name if name.startswith("arn:") else self._arn(call, name)
        call.authorize(action, arn)
        if arn != self._arn(call):
            raise AwsError("TrailNotFoundException", f"Unknown trail: {arn} for the user: {call.account}")

    def _arn(self, call: Call, name: str = _NAME) -> str:
        return f"arn:aws:cloudtrail:{self._home}:{call.account}:trail/{name}"

    def _shape(self, call: Call) -> dict[str, object]:
        """The model's ``Trail``. Each account sees it as its own; it has no bucket."""
        return {
            "Name": _NAME,
            "TrailARN": self._arn(call),
            "HomeRegion": self._home,
            "IncludeGlobalServiceEvents": True,
            "IsMultiRegionTrail": True,
            "IsOrganizationTrail": False,
            "LogFileValidationEnabled": True,
            "HasCustomEventSelectors": False,
            "HasInsightSelectors": False,
        }
