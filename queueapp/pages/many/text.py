"""The text of an uploaded file, unpacked and decoded within bounds."""

from __future__ import annotations

import zlib

from django.utils.translation import gettext

from ...http.body_limit import MAX_FILE_BYTES
from .. import humanize

_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31
"""zlib's number for data with a gzip header."""

MAX_PARTS = 1_000
"""Parts that gzip has packed, at most: after each one, zlib copies the rest of the file. Empty ones have 20 bytes."""


class UnreadableFile(Exception):
    """The file cannot be read at all. The message is a sentence for the user."""


def text_of(file: bytes) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark, plain or gzip. Raises UnreadableFile."""
    if file.startswith(_GZIP):
        file = _unpacked(file)
    if len(file) > MAX_FILE_BYTES:
        text = gettext("The file is too large: at most %(most)s bytes are taken, unpacked.")
        raise UnreadableFile(text % {"most": humanize.number(MAX_FILE_BYTES)})
    if file.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFile(gettext("The file is in UTF-16. Save it as UTF-8."))
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = file.count(b"\n", 0, wrong.start) + 1
        text = gettext("Line %(line)s is not in UTF-8 (byte %(byte)s). Save it as UTF-8.")
        values = {"line": humanize.number(line), "byte": f"{file[wrong.start]:#04x}"}
        raise UnreadableFile(text % values) from None


def _unpacked(file: bytes) -> bytes:
    """Return what gzip has packed, in one part or several; no more than a byte beyond the limit is unpacked."""
    unpacked, parts = b"", 0
    while file.startswith(_GZIP) and len(unpacked) <= MAX_FILE_BYTES:
        if (parts := parts + 1) > MAX_PARTS:
            raise UnreadableFile(f"The file is packed in more than {MAX_PARTS:,} parts. Pack it in one.")
        part = zlib.decompressobj(_GZIP_FORMAT)
        try:
            unpacked += part.decompress(file, MAX_FILE_BYTES + 1 - len(unpacked))
        except zlib.error:
            raise UnreadableFile(gettext("The file is damaged: it cannot be unpacked.")) from None
        if len(unpacked) <= MAX_FILE_BYTES and not part.eof:
            raise UnreadableFile(gettext("The file is cut short: its compressed data end early."))
        file = part.unused_data
    return unpacked
