"""Lookups in the trail, as a service makes them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from tests.support.made_trail import MadeTrail, random_events

from strongroom.audit.index import IndexReader, Wanted
from strongroom.audit.index import view as view_module
from strongroom.errors import AwsError
from strongroom.services.lookups import Lookups


def test_while_the_index_is_being_made_clients_are_told_to_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail = MadeTrail(tmp_path / "audit")
    trail.write(random_events(Random(1), 20))
    lookups = Lookups(IndexReader(trail.folder))
    assert len(asyncio.run(lookups.events(Wanted(), 5))) == 5
    monkeypatch.setattr(view_module, "_LONGEST_TAIL", 1000)
    for look in (lambda: lookups.events(Wanted(), 5), lambda: lookups.consumptions("arn")):
        with pytest.raises(AwsError) as caught:
            asyncio.run(look())
        assert (caught.value.code, caught.value.status) == ("ServiceUnavailable", 503)
