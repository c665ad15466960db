"""The codec: what goes in comes out, and nothing that is not a message does harm."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
import tracemalloc
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from threading import Thread

import msgpack
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.channel import Channel
from autograder.wire import (
    DTYPES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_REQUEST,
    Closed,
    Opaque,
    TimedOut,
    Unsendable,
    WireError,
    decode,
    encode,
)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(plain)
def test_plain_values_come_back_as_they_went(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)], ids=str)
def test_tensors_come_back_bit_for_bit(dtype, shape):
    tensor = (10 * torch.rand(shape)).to(dtype)
    back = decode(encode(tensor))
    assert back.dtype == tensor.dtype
    assert back.shape == tensor.shape
    assert torch.equal(back, tensor)


def test_a_single_number_from_a_column_crosses():
    column = torch.arange(6.0).reshape(1, 6)[:, 4]  # of one number, 6 apart
    assert decode(encode(column)).tolist() == [4.0]


def test_views_gradients_and_conjugates_cross_as_the_numbers_they_show():
    weights = torch.randn(3, 4, requires_grad=True)
    assert torch.equal(decode(encode(weights.T)), weights.detach().T)
    complex_view = torch.randn(3, dtype=torch.complex64).conj()
    assert torch.equal(decode(encode(complex_view)), complex_view.resolve_conj())


def test_numpy_values_cross_as_tensors_and_numbers():
    assert torch.equal(decode(encode(np.arange(3.0)[::-1])), torch.tensor([2.0, 1.0, 0.0]).double())
    assert decode(encode(np.float32(0.5))) == 0.5
    assert decode(encode([np.int8(3), np.bool_(True)])) == [3, True]
    assert decode(encode(np.array(0.5))).shape == ()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(3.0, dtype=np.longdouble),
        np.arange(3.0, dtype=">f4"),
        np.arange(3.0)[::-1][:1],
        np.broadcast_to(np.float32(1), (2, 3)),
        np.array(2, dtype=">i8"),
    ],
    ids=["long double", "big endian", "backwards, alone", "broadcast", "a big-endian number"],
)
def test_arrays_of_unusual_layout_cross_as_their_numbers(array):
    assert decode(encode(array)).tolist() == array.tolist()


def test_fractions_and_decimals_cross_as_numbers():
    assert decode(encode([Fraction(1, 4), (Decimal("0.5"),)])) == [0.25, [0.5]]
    assert decode(encode(Fraction(10) ** 400)) == Opaque("Fraction"), "too large for a float"


def test_texts_and_integers_are_keys_and_arrive_as_texts():
    value = {0: 1, "a": {np.int8(2): None}, "b": OrderedDict({True: 3})}
    assert decode(encode(value)) == {"0": 1, "a": {"2": None}, "b": {"True": 3}}


def nested(depth: int) -> list:
    return [nested(depth - 1)] if depth > 1 else [0.0]


@pytest.mark.parametrize(
    "value",
    [[0.0] * (MAX_ITEMS - 1), [[0.0] * 255] * 255, nested(MAX_DEPTH)],
    ids=["one list", "rows", "depth"],
)
def test_the_most_that_a_message_may_hold_crosses(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({0.5: 1}, "keys"),
        ({None: 1}, "keys"),
        ({(1, 2): 3}, "keys"),
        ({"a": [{2**70: 1}]}, "keys"),
        (OrderedDict({0.5: 1}), "keys"),
        ([0.0] * MAX_ITEMS, "too many"),
        ([[0.0] * (MAX_ITEMS - 2)], "too many"),
        (({"a": [0.0] * 256},) * 255, "too many"),
        (nested(MAX_DEPTH + 1), "too deep"),
        (torch.zeros(1).expand(1 << 30), "too large"),
        ("x" * (MAX_REQUEST + 1), "too large"),
    ],
    ids=[
        "a float", "None", "a tuple", "a large integer", "a dict of another kind",
        "one list", "one list in another", "dicts of lists", "depth", "a tensor", "a text",
    ],
)  # fmt: skip
def test_what_would_be_refused_is_not_sent_and_it_is_told_why(value, why):
    with pytest.raises(Unsendable) as caught:
        encode(value)
    assert caught.value.why == why


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.tuples() | st.just(...),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.none() | st.integers() | st.floats() | st.text("abc"), inner)
            | inner.map(lambda value: [[[[[[[[value]]]]]]]])
        ),
    )
)
def test_whatever_is_sent_can_be_read(value):
    with contextlib.suppress(Unsendable):
        decode(encode(value))


def test_what_is_still_to_be_answered_crosses_as_itself():
    assert decode(encode([1, {"a": ...}])) == [1, {"a": ...}]


@pytest.mark.parametrize("value", [object(), {1, 2}, 10**400, lambda: 0, np.array(["a"])], ids=repr)
def test_what_has_no_plain_form_crosses_as_the_name_of_its_type(value):
    assert decode(encode(value)) == Opaque(type(value).__name__)


def test_a_tensor_subclass_arrives_as_a_plain_tensor():
    class Sneaky(torch.Tensor):
        pass

    back = decode(encode(torch.ones(2).as_subclass(Sneaky)))
    assert type(back) is torch.Tensor


def test_a_string_that_is_no_unicode_arrives_readable():
    assert decode(encode("a\ud800b")) == "a?b"


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_random_bytes_are_a_value_or_a_wire_error(body):
    with contextlib.suppress(WireError):
        decode(body)


def tensor_message(
    dtype: int = 0, dims: int = 1, shape: tuple[int, ...] = (2,), raw: bytes = b""
) -> bytes:
    head = struct.pack(">BB", dtype, dims) + struct.pack(f">{len(shape)}Q", *shape)
    return msgpack.packb(msgpack.ExtType(1, head + raw))


@pytest.mark.parametrize(
    "body",
    [
        tensor_message(dtype=99, raw=b"\0" * 8),
        tensor_message(dims=200, raw=b"\0" * 8),
        tensor_message(shape=(3,), raw=b"\0" * 8),
        tensor_message(shape=(2**62, 2**62), dims=2),
        tensor_message(shape=(2**63, 0), dims=2),
        tensor_message(dtype=11, shape=(2,), raw=b"\1\2"),
        tensor_message(dtype=10, shape=(MAX_REQUEST // 8 + 1,), raw=bytes(MAX_REQUEST // 8 + 1)),
        msgpack.packb(msgpack.ExtType(1, b"")),
        msgpack.packb(msgpack.ExtType(7, b"abc")),
        msgpack.packb({1.5: 2}),
        tensor_message(shape=(0, 2**61, 2**61), dims=3),
        msgpack.packb([None] * (MAX_ITEMS + 1)),
        msgpack.packb([[]] * (MAX_ITEMS // 2) + [[None] * (MAX_ITEMS // 2)]),
        b"\x91" * 5000 + b"\xc0",
        b"",
    ],
    ids=[
        "unknown dtype", "too many dimensions", "bytes missing", "size overflows",
        "a size beyond 62 bits", "a boolean of 2", "too many elements", "no head",
        "unknown kind", "a float as key", "nothing, too large", "one long list", "many lists",
        "nested too deep", "nothing",
    ],
)  # fmt: skip
def test_an_impossible_message_is_refused(body):
    with pytest.raises(WireError):
        decode(body)


@pytest.fixture
def ends():
    a, b = socket.socketpair()
    with a, b:
        yield Channel(a, 1000), Channel(b, 1000)


def soon() -> float:
    return time.monotonic() + 0.05


def test_a_channel_carries_values_in_order(ends):
    ours, theirs = ends
    for value in (1, "two", [3.0]):
        theirs.send(value)
    assert [ours.receive(soon()) for _ in range(3)] == [1, "two", [3.0]]


def test_a_message_over_the_limit_is_refused_before_it_is_read(ends):
    ours, theirs = ends
    theirs.sock.sendall(struct.pack(">I", 2**31))
    with pytest.raises(WireError, match="more than 1,000 bytes"):
        ours.receive(soon())
    with pytest.raises(WireError, match="the limit is 1,000"):
        ours.send("x" * 2000)


def test_what_a_reader_holds_of_a_flood_is_bounded_by_the_limit():
    """While one is read: the message, its value, one copy on the way, and what small values take in
    addition. Of a value, about what it was counted for; of what was refused, nothing."""
    limit, held = 4 << 20, {}
    for kind, (items, body) in floods(limit).items():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            sender = Thread(target=send, args=[theirs, body])
            sender.start()
            channel, value = Channel(ours, limit), None
            tracemalloc.start()
            try:
                value = channel.receive(time.monotonic() + 20)
            except WireError as error:
                value = error  # with all that its traceback holds
                value.__traceback__ = None
            kept, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            ours.close()
            sender.join()
            held[kind] = peak / (3.2 * limit + 256 * items), kept / (channel.received or 1 << 16)
            del value
    peaks = {kind: peak for kind, (peak, _) in held.items() if peak > 1}
    assert not peaks, f"while reading, as multiples of what it may: {peaks}"
    kept = {kind: share for kind, (_, share) in held.items() if share > 2}
    assert not kept, f"afterwards, as multiples of what was counted: {kept}"


def send(sock: socket.socket, body: bytes) -> None:
    with contextlib.suppress(OSError):  # it is refused unread
        sock.sendall(struct.pack(">I", len(body)) + body)


def floods(limit: int) -> dict[str, tuple[int, bytes]]:
    """Messages of about as many bytes as may be, or as many items; and how many items."""
    many = MAX_ITEMS - 8
    return {
        "one tensor": (0, encode(torch.zeros(limit // 8 - 100, dtype=torch.float64))),
        "tensors": (15, encode([torch.zeros(limit // 64)] * 15)),
        "tiny tensors": (many, encode([torch.zeros(1)] * many)),
        "words": (many, encode([f"{number:05}" for number in range(many)])),
        "numbers": (many, encode([number + 0.5 for number in range(many)])),
        "no values": (many, encode([{}] * (many // 2))),
        "unknown values": (many, encode([object()] * many)),
        "a text": (0, encode("x" * (limit - 10))),
        "keys": (many, encode({f"{number:050}": 0 for number in range(many)})),
        "a value, and more": (0, b"\0" * limit),
    }


def test_what_is_refused_is_not_kept_by_the_refusal():
    with pytest.raises(WireError) as refused:
        decode(b"\0" * 1000)
    assert refused.value.__context__ is None, "msgpack's own error holds the message"


def test_a_deadline_covers_the_whole_message_however_slowly_it_drips(ends):
    ours, theirs = ends
    theirs.sock.sendall(struct.pack(">I", 10) + b"abc")
    with pytest.raises(TimedOut):
        ours.receive(soon())


@pytest.mark.parametrize("part", [2, 7], ids=["within the length", "within the message"])
def test_what_was_interrupted_by_a_deadline_goes_on_where_it_was(part, ends):
    ours, theirs = ends
    body = theirs.encode("all of it")
    message = len(body).to_bytes(4, "big") + body
    theirs.sock.sendall(message[:part])
    for _ in range(2):
        with pytest.raises(TimedOut):
            ours.receive(time.monotonic() + 0.01)
    theirs.sock.sendall(message[part:])
    theirs.send("and the next")
    assert ours.receive(soon()) == "all of it"
    assert ours.receive(soon()) == "and the next"


def test_a_reader_that_does_not_read_cannot_hold_the_sender(ends):
    ours, _ = ends

    def send_for_ever() -> None:
        while True:
            ours.send("x" * 900, soon())

    with pytest.raises(TimedOut):
        send_for_ever()


def test_the_other_side_going_away_is_told(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(Closed):
        ours.receive(soon())
    with pytest.raises(Closed):
        ours.send(1, soon())
