"""Pictures that stand in the page itself."""

import base64
import io

from PIL import Image

from landslip.io.visualization import RgbImage
from landslip.reporting.inventory.svg import element

_QUALITY = 82


def jpeg_uri(picture: RgbImage) -> str:
    """Return a picture (height, width, 3) as the address of a JPEG that is its own content."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=_QUALITY, optimize=True)
    return _uri("jpeg", buffer)


def png_uri(picture: RgbImage) -> str:
    """Return a picture of few colours as the address of a PNG that is its own content."""
    buffer = io.BytesIO()
    few = Image.fromarray(picture).quantize(32, dither=Image.Dither.NONE)
    few.save(buffer, format="PNG", optimize=True)
    return _uri("png", buffer)


def image(uri: str, width: float, height: float) -> str:
    """Return a picture as an element of a drawing, at its origin."""
    return element(
        "image", href=uri, x=0, y=0, width=width, height=height, preserveAspectRatio="none"
    )


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
