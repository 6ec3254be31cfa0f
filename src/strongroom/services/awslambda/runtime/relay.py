"""Leads a function's connections out of a network of its own: the first program inside such a sandbox.

Its arguments are doors, ``PORT=SOCKET``, then ``--`` and the function's own program. It listens on each port of the
loopback inside, starts a child that carries bytes between these ports and the Unix sockets that lead out, and becomes
the program. It needs nothing but a standard library from Python 3.8 on, and imports nothing of Strongroom.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys

_CHUNK = 64 * 1024
_BACKLOG = 128


class Pipe:
    """One direction of a connection: what was read from ``source`` and is not yet written to ``target``."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.waiting = b""
        self.ended = False

    def read(self) -> None:
        """Take what has come; the end of it is passed on once everything before it was written."""
        self.waiting = self.source.recv(_CHUNK)
        self.ended = not self.waiting

    def write(self) -> None:
        """Write what can be written now."""
        if self.waiting:
            self.waiting = self.waiting[self.target.send(self.waiting) :]
        if self.ended and not self.waiting:
            self.target.shutdown(socket.SHUT_WR)

    @property
    def over(self) -> bool:
        """Whether nothing more goes this way."""
        return self.ended and not self.waiting


class Link:
    """A connection from inside, and the one that continues it outside."""

    def __init__(self, inside: socket.socket, outside: socket.socket) -> None:
        self.pipes = (Pipe(inside, outside), Pipe(outside, inside))
        self.sockets = (inside, outside)

    def wishes(self, end: socket.socket) -> int:
        """The events of ``end`` that this link waits for."""
        events = 0
        for pipe in self.pipes:
            if pipe.source is end and not pipe.waiting and not pipe.ended:
                events |= selectors.EVENT_READ
            if pipe.target is end and pipe.waiting:
                events |= selectors.EVENT_WRITE
        return events

    def serve(self, end: socket.socket, events: int) -> None:
        """Do what has become possible at ``end``."""
        for pipe in self.pipes:
            if pipe.source is end and events & selectors.EVENT_READ and not pipe.waiting and not pipe.ended:
                pipe.read()
                pipe.write()
            elif pipe.target is end and events & selectors.EVENT_WRITE and pipe.waiting:
                pipe.write()


class Relay:
    """Carries bytes until it is killed.

    Args:
        doors: Listening sockets, and the path of the Unix socket that each leads to.
    """

    def __init__(self, doors: list[tuple[socket.socket, str]]) -> None:
        self._selector = selectors.DefaultSelector()
        self._links: dict[socket.socket, Link] = {}
        for listener, path in doors:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, path)

    def run(self) -> None:
        """Serve for ever."""
        while True:
            for key, events in self._selector.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)  # noqa: S101 - nothing else is registered
                if key.data is not None:
                    self._accept(end, key.data)
                elif end in self._links:
                    self._serve(self._links[end], end, events)

    def _accept(self, listener: socket.socket, path: str) -> None:
        try:
            inside, _ = listener.accept()
        except OSError:
            return
        outside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            outside.connect(path)
        except OSError:
            outside.close()
            inside.close()
            return
        link = Link(inside, outside)
        for end in link.sockets:
            end.setblocking(False)
            self._links[end] = link
            self._selector.register(end, selectors.EVENT_READ)

    def _serve(self, link: Link, end: socket.socket, events: int) -> None:
        try:
            link.serve(end, events)
        except BlockingIOError:
            pass
        except OSError:
            self._close(link)
            return
        if all(pipe.over for pipe in link.pipes):
            self._close(link)
            return
        for each in link.sockets:
            self._watch(each, link.wishes(each))

    def _watch(self, end: socket.socket, events: int) -> None:
        registered = end in self._selector.get_map()
        if events and registered:
            self._selector.modify(end, events)
        elif events:
            self._selector.register(end, events)
        elif registered:
            self._selector.unregister(end)

    def _close(self, link: Link) -> None:
        for end in link.sockets:
            self._watch(end, 0)
            self._links.pop(end, None)
            end.close()


def listen(port: int) -> socket.socket:
    """A listener on the loopback inside."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    return listener


def main(arguments: list[str]) -> None:
    """Open the doors and become the program."""
    end = arguments.index("--")
    doors = []
    for door in arguments[:end]:
        port, _, path = door.partition("=")
        doors.append((listen(int(port)), path))
    if os.fork() == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):  # the function's output ends with the function
            os.dup2(nowhere, descriptor)
        Relay(doors).run()
    program = arguments[end + 1 :]
    os.execv(program[0], program)  # noqa: S606 - the function's own program; the listeners stay with the child


if __name__ == "__main__":
    main(sys.argv[1:])
