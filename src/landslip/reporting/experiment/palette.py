"""One look a method in all charts: colour by network and encoder, dashes where not transferred."""

from dataclasses import dataclass

from landslip.experiments.results import MethodFacts, Results

# Tol's muted scheme and two of Okabe and Ito's: apart for all common kinds of colour blindness
_COLOURS = (
    "#332288",
    "#117733",
    "#CC6677",
    "#0072B2",
    "#AA4499",
    "#999933",
    "#882255",
    "#44AA99",
    "#E69F00",
    "#7a7a7a",
)
_DASHES = ("-", (0, (4, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)))
_MARKERS = "osD^vPX*"
Dash = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a method is drawn; ``fill`` is white where its encoder is not transferred."""

    colour: str
    dash: Dash
    marker: str
    fill: str


def looks(results: Results) -> dict[str, Look]:
    """Return each method's look; the reference's network has the first colour."""
    ordered = [results.methods[name] for name in _reference_first(results)]
    networks = list(dict.fromkeys(_network(facts) for facts in ordered))
    seen: dict[tuple[str, str | None], int] = {}
    found = {}
    for name in _reference_first(results):
        facts = results.methods[name]
        at = networks.index(_network(facts))
        nth = seen.get(_network(facts), 0)
        seen[_network(facts)] = nth + 1
        colour = _COLOURS[at % len(_COLOURS)]
        found[name] = Look(
            colour=colour,
            dash=_DASHES[nth % len(_DASHES)],
            marker=_MARKERS[at % len(_MARKERS)],
            fill="white" if nth else colour,
        )
    return found


def _reference_first(results: Results) -> list[str]:
    names = sorted(results.methods, key=lambda name: not results.methods[name].transferred)
    return sorted(names, key=lambda name: name != results.reference)


def _network(facts: MethodFacts) -> tuple[str, str | None]:
    return facts.arch, facts.encoder
