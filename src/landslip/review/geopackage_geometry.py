"""Geometries as a GeoPackage holds them."""

import struct
from typing import Any

import shapely

_ENVELOPE_XY = 0b0000_0010  # of the flags of a geometry in a GeoPackage
_LITTLE_ENDIAN, _IS_EMPTY = 0b0000_0001, 0b0001_0000
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)


def geopackage_blob(geometry: shapely.Geometry, srs: int) -> bytes:
    """Return a geometry as a GeoPackage holds it: a header with its envelope, and WKB."""
    empty = shapely.is_empty(geometry)
    flags = _LITTLE_ENDIAN | (_IS_EMPTY if empty else _ENVELOPE_XY)
    header = struct.pack("<2sBBi", b"GP", 0, flags, srs)
    if not empty:
        left, bottom, right, top = shapely.bounds(geometry).tolist()
        header += struct.pack("<4d", left, right, bottom, top)
    return header + shapely.to_wkb(geometry, byte_order=1)


def wkb_of(blob: Any) -> bytes:
    """Return the WKB in a geometry of a GeoPackage.

    Raises:
        ValueError: it is no such geometry.
    """
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        raise ValueError("a geometry is not one of a GeoPackage")
    kind = (blob[3] >> 1) & 0b111
    if kind >= len(_ENVELOPE_BYTES):
        raise ValueError("a geometry has an unknown envelope")
    return blob[8 + _ENVELOPE_BYTES[kind] :]
