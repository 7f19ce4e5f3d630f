"""The description of the API, as a page that needs no other server."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}code{font:13px/1.4 ui-monospace,monospace}h2{margin-top:2.5rem}
details{border:1px solid #8886;border-radius:6px;margin:.5rem 0;padding:.3rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5rem}
table{border-collapse:collapse}td{border-bottom:1px solid #8884;padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top}"""
_LIMITS = (
    ("minimum", "≥"),
    ("maximum", "≤"),
    ("exclusiveMaximum", "<"),
    ("minLength", "length ≥"),
    ("maxLength", "length ≤"),
)


@router.get("/docs", response_class=HTMLResponse)
def description(request: Request) -> HTMLResponse:
    """The page."""
    api = request.app.openapi()
    title = f"{api['info']['title']} {api['info']['version']}"
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>",
        f"<p>{escape(api['info'].get('description', ''))}</p>",
        '<p><a href="openapi.json">openapi.json</a></p>',
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", [])), "other")
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    for tag, operations in by_tag.items():
        parts += [f"<h2>{escape(tag)}</h2>", *operations]
    parts.append("<h2>records</h2>")
    records = api.get("components", {}).get("schemas", {})
    parts += [_record(name, schema) for name, schema in sorted(records.items())]
    return HTMLResponse("\n".join(parts))


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            f"{one['name']}{'' if one.get('required') else '?'}",
            one["in"],
            _type(one["schema"]),
            one.get("description", ""),
        )
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {})
    rows += [("body", kind, _type(one["schema"]), "") for kind, one in body.items()]
    for status, response in operation.get("responses", {}).items():
        kinds = response.get("content", {})
        what = ", ".join(f"{kind} {_type(one.get('schema', {}))}" for kind, one in kinds.items())
        rows.append((status, "response", what, response.get("description", "")))
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code></summary>"
        f"<p>{escape(operation.get('description', ''))}</p>{_table(rows)}</details>"
    )


def _record(name: str, schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    rows: list[tuple[str, ...]] = [
        (f"{key}{'' if key in needed else '?'}", _type(one), one.get("description", ""))
        for key, one in schema.get("properties", {}).items()
    ]
    return (
        f"<details><summary><code>{escape(name)}</code></summary>"
        f"<p>{escape(schema.get('description', ''))}</p>{_table(rows)}</details>"
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    cells = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _type(schema: dict[str, Any]) -> str:
    """Return a schema in words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(_type(one) for one in schema[key])
    if "const" in schema or "enum" in schema:
        return " | ".join(str(one) for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS if key in schema]
    return " ".join([str(schema.get("type", "anything")), *limits])
