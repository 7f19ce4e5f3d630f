"""Directories of TIFF files: the tags of a page read, and pages written before their data.

TIFF 6.0, and BigTIFF for files beyond 4 GiB; bytes are in little order.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
LONG, LONG8 = 4, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An entry of a directory: its code, TIFF's number for its type, and its values' bytes."""

    code: int
    type: int
    values: bytes

    @property
    def count(self) -> int:
        """The number of values."""
        return len(self.values) // _TYPE_BYTES[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffFormat:
    """Sizes of the classic format, or of the big one."""

    is_big: bool

    @property
    def header_bytes(self) -> int:
        """The bytes before anything else."""
        return 16 if self.is_big else 8

    @property
    def offset_type(self) -> int:
        """The type of places in the file."""
        return LONG8 if self.is_big else LONG

    @property
    def _offset(self) -> str:
        return "<Q" if self.is_big else "<I"

    def header(self, first: int) -> bytes:
        """Return the first bytes of a file whose first directory is at a place."""
        if self.is_big:
            return struct.pack("<2sHHHQ", b"II", 43, 8, 0, first)
        return struct.pack("<2sHI", b"II", 42, first)

    def directory(self, tags: list[Tag], place: int, *, is_last: bool) -> bytes:
        """Return a directory for a place in the file, its longer values behind it.

        If it is not the last one, the next follows at its end.
        """
        offset_bytes = struct.calcsize(self._offset)
        count = struct.pack("<Q" if self.is_big else "<H", len(tags))
        behind = place + len(count) + len(tags) * (4 + 2 * offset_bytes) + offset_bytes
        entries, values = bytearray(), bytearray()
        for tag in sorted(tags, key=lambda tag: tag.code):
            entries += struct.pack("<HH", tag.code, tag.type)
            entries += struct.pack(self._offset, tag.count)
            if len(tag.values) <= offset_bytes:
                entries += tag.values.ljust(offset_bytes, b"\0")
                continue
            entries += struct.pack(self._offset, behind + len(values))
            values += tag.values + bytes(-len(tag.values) % 2)  # values are at even places
        following = 0 if is_last else behind + len(values)
        return bytes(count + entries + struct.pack(self._offset, following) + values)


def read_tags(path: Path) -> list[Tag]:
    """Return the tags of the first page of a BigTIFF of little order."""
    with path.open("rb") as file:
        mark, version, _, _, place = struct.unpack("<2sHHHQ", file.read(16))
        if (mark, version) != (b"II", 43):
            raise ValueError(f"{path}: not a BigTIFF of little order")
        file.seek(place)
        (number,) = struct.unpack("<Q", file.read(8))
        tags = []
        entries = file.read(20 * number)
        for code, kind, count, inline in struct.iter_unpack("<HHQ8s", entries):
            size = count * _TYPE_BYTES[kind]
            values = inline[:size]
            if size > len(inline):
                file.seek(struct.unpack("<Q", inline)[0])
                values = file.read(size)
            tags.append(Tag(code=code, type=kind, values=values))
    return tags
