"""XML documents from the templates in ``templates``."""

import re
from xml.sax.saxutils import escape

from jinja2 import Environment, PackageLoader, StrictUndefined

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_xml(template: str, **values: object) -> str:
    """Return a document; the filters ``xml`` and ``attribute`` escape text and attributes."""
    return _environment.get_template(template).render(values)


def xml_text(text: object) -> str:
    """Return text as XML holds it; control characters, which it cannot, become spaces."""
    return escape(_NOT_XML.sub(" ", str(text)))


def _attribute(text: object) -> str:
    return xml_text(text).replace('"', "&quot;")


_environment = Environment(
    loader=PackageLoader("landslip.inventory.formats"),
    autoescape=False,  # noqa: S701 - its entities are those of HTML
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_environment.filters |= {"xml": xml_text, "attribute": _attribute}
