"""A socket between the trusted side and a sandbox that carries messages of `autograder.wire`.

Each is a frame: four bytes that say how long it is, and its body.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from autograder.wire import Closed, TimedOut, WireError, decode_and_count, encode

CONTROL_BYTES = 1 << 20  # of a message about a sandbox, to its supervisor or from it
ITEM_BYTES = 128  # that an item of a list or dict is taken to hold, however small its message
_HEADER = struct.Struct(">I")


class Channel:
    """One end of a socket that carries frames, with a cap on their size and deadlines.

    A deadline is a time of `time.monotonic()`; None waits for ever (the student's side only).

    max_bytes  of a message that comes
    max_sent   of one that goes; the same unless it is given
    """

    def __init__(self, sock: socket.socket, max_bytes: int, max_sent: int | None = None):
        self.sock = sock
        self.max_bytes = max_bytes
        self.max_sent = max_bytes if max_sent is None else max_sent
        self.received = 0  # bytes that all values so far are taken to hold
        self._length: int | None = None  # of the message that is being read
        self._unread: bytearray | None = None  # what has come of it: `_got` bytes
        self._got = 0

    def like_this(self, sock: socket.socket) -> Channel:
        """A channel on another socket, with the same caps."""
        return Channel(sock, self.max_bytes, self.max_sent)

    def send(self, value: object, deadline: float | None = None) -> None:
        """Send one value. Raises Closed, TimedOut, WireError (too large)."""
        self.send_encoded(self.encode(value), deadline)

    def encode(self, value: object) -> bytes:
        """The message for `value`. Raises WireError if it is too large for this channel."""
        return encode(value, self.max_sent)

    def send_encoded(self, body: bytes, deadline: float | None = None) -> None:
        """Send a message that `encode` made. Raises Closed, TimedOut."""
        try:
            self._arm(deadline)
            self.sock.sendall(_HEADER.pack(len(body)) + body)
        except TimeoutError:
            raise TimedOut("the other side does not read") from None
        except OSError:
            raise Closed("the other side is gone") from None

    def receive(self, deadline: float | None = None) -> Any:
        """The next value. Raises Closed, WireError (too large, or not a message), and TimedOut,
        after which it goes on where it was."""
        if self._length is None:
            (self._length,) = _HEADER.unpack(self._read(_HEADER.size, deadline))
            if self._length > self.max_bytes:
                raise WireError(f"a message of more than {self.max_bytes:,} bytes")
        body, length = self._read(self._length, deadline), self._length
        self._length = None
        value, items = decode_and_count(body, self.max_bytes)
        self.received += length + ITEM_BYTES * items
        return value

    def close(self) -> None:
        self.sock.close()

    def _read(self, count: int, deadline: float | None) -> bytearray:
        if self._unread is None:
            self._unread, self._got = bytearray(count), 0
        left = memoryview(self._unread)[self._got :]
        while left:
            try:
                self._arm(deadline)
                got = self.sock.recv_into(left)
            except TimeoutError:
                raise TimedOut("no answer in time") from None
            except OSError:
                raise Closed("the other side is gone") from None
            if not got:
                raise Closed("the other side is gone")
            left = left[got:]
            self._got += got
        body, self._unread = self._unread, None
        return body

    def _arm(self, deadline: float | None) -> None:
        if deadline is None:
            self.sock.settimeout(None)
        else:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.sock.settimeout(left)
