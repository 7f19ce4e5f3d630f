"""Texts of vector files whose bytes are not in the encoding that the file states."""

import geopandas

BYTES = "ISO-8859-1"  # has a character for each byte, so nothing is lost
_CUT = ("unexpected end of data", "incomplete multibyte sequence")


def decode_columns(
    frame: geopandas.GeoDataFrame, encodings: tuple[str, ...]
) -> tuple[geopandas.GeoDataFrame, str]:
    """Decode names and texts that were read as `BYTES`; return them and their encoding.

    It is the first of ``encodings`` that all are in, but for a character that a field's width cut
    at the end of a text; such a one becomes U+FFFD. It is `BYTES` where there is none.
    """
    words = frame.select_dtypes(include=["object", "str"]).columns
    columns = [name for name in words if name != frame.geometry.name]
    texts = {str(name) for name in frame.columns}
    for name in columns:
        texts |= {value for value in frame[name] if isinstance(value, str)}
    content = [text.encode(BYTES) for text in texts if not text.isascii()]
    encoding = next(
        (one for one in encodings if all(_fits(bytes_, one) for bytes_ in content)), BYTES
    )

    def decoded(value: object) -> object:
        if not isinstance(value, str) or value.isascii():
            return value
        return value.encode(BYTES).decode(encoding, "replace")

    texts_only = frame.copy()
    for name in columns:
        texts_only[name] = frame[name].map(decoded)
    return texts_only.rename(columns=decoded), encoding


def _fits(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return error.reason in _CUT
    return True
