"""The index of the trail: finds events by their attributes and tells who read which secret, without reading it all.

    facts      what the index knows of one event
    keys       the number of each event, in the order of time
    postings   attribute -> events;  ids: event id -> event;  consumers: who read which version
    database   the file and its tables
    records    records of the trail from some place on
    batch, writing, pruning   keeping it in step with the trail (`Indexer`)
    wanted, view, reading     looking things up (`IndexReader`)
    watching   the newest events and those that follow (`TrailWatch`)

The trail is the truth; the index can be deleted at any time and is made again. What never enters: secret values, which
the trail does not hold either.
"""

from strongroom.audit.index.consumers import Consumption
from strongroom.audit.index.facts import FAILED, Attribute, Resource, own_name, resources_of, username
from strongroom.audit.index.keys import second
from strongroom.audit.index.reading import IndexReader
from strongroom.audit.index.view import IndexBehindError
from strongroom.audit.index.wanted import FoundEvent, Wanted
from strongroom.audit.index.watching import TrailWatch
from strongroom.audit.index.writing import MOST_IN_TURN, Indexer

__all__ = [
    "FAILED",
    "MOST_IN_TURN",
    "Attribute",
    "Consumption",
    "FoundEvent",
    "IndexBehindError",
    "IndexReader",
    "Indexer",
    "Resource",
    "TrailWatch",
    "Wanted",
    "own_name",
    "resources_of",
    "second",
    "username",
]
