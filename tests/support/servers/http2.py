"""One request in HTTP/2, frame by frame (RFC 9113, RFC 7541): clients tidy up headers and bodies."""

import ssl
from typing import BinaryIO

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, END_HEADERS = 1, 4
LONGEST = 16384  # bytes of a frame
WINDOW = (1 << 20).to_bytes(4)  # bytes that may come back without our asking for more
USUAL = {0x88: 200, 0x8C: 400, 0x8D: 404}  # statuses of one byte in HAProxy's answers; others come as three digits


def ask(
    connection: ssl.SSLSocket, method: str, path: str, *headers: tuple[str, str], body: bytes = b""
) -> tuple[int, bytes]:
    """Return the status and the body of the response."""
    own = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)]
    block = b"".join(_field(*header) for header in (*own, *headers))
    request = _frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), 1, block)
    windows = _frame(SETTINGS, 0, 0, b"\0\4" + WINDOW) + _frame(WINDOW_UPDATE, 0, 0, WINDOW)
    connection.sendall(PREFACE + windows + request)
    back = connection.makefile("rb")
    pieces = [body[start : start + LONGEST] for start in range(0, len(body), LONGEST)]
    for number, piece in enumerate(pieces, 1):
        connection.sendall(_frame(DATA, END_STREAM if number == len(pieces) else 0, 1, piece))
        while number < len(pieces) and _next(back)[:3:2] != (WINDOW_UPDATE, 1):
            pass
    return _answer(back)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _field(name: str, value: str) -> bytes:
    """Encode a header field: literal, without indexing and Huffman's code, up to 126 bytes."""
    texts = [name.encode(), value.encode()]
    return b"\0" + b"".join(bytes([len(text)]) + text for text in texts)


def _next(back: BinaryIO) -> tuple[int, int, int, bytes]:
    head = back.read(9)
    return head[3], head[4], int.from_bytes(head[5:]), back.read(int.from_bytes(head[:3]))


def _answer(back: BinaryIO) -> tuple[int, bytes]:
    status, body, ended = 0, b"", False
    while not ended:
        kind, flags, _stream, payload = _next(back)
        ended = kind in {DATA, HEADERS} and bool(flags & END_STREAM)
        if kind == HEADERS:
            status = USUAL.get(payload[0]) or int(payload[2:5])
        elif kind == DATA:
            body += payload
    return status, body
