"""What the model's probabilities meant before and after calibration, as a chart."""

from collections.abc import Iterator

import numpy as np

from landslip.models.card import ProbabilityCalibrationCard, ReliabilityCard
from landslip.reporting.inventory.axes import Axes, Scale
from landslip.reporting.inventory.svg import drawing, element, line, polyline, words
from landslip.reporting.inventory.texts import Texts

_WIDTH, _HEIGHT = 340.0, 320.0


def reliability_chart(card: ProbabilityCalibrationCard, texts: Texts) -> str:
    """Return the share of landslide over the probability; on the dashed line the two agree."""
    axes = Axes(
        x=Scale(low=0, high=1, start_px=44, end_px=_WIDTH - 10),
        y=Scale(low=0, high=1, start_px=_HEIGHT - 42, end_px=24),
    )
    parts = list(axes.parts(texts("probability_axis"), texts("share_axis")))
    start, end = (axes.x(0.0), axes.y(0.0)), (axes.x(1.0), axes.y(1.0))
    parts.append(line(start, end, class_="diagonal"))
    tables = [("before", card.reliability_before), ("after", card.reliability_after)]
    for at, (name, table) in enumerate(tables):
        if table is not None:
            parts += _course(axes, table, name)
            y = 40.0 + 18 * at
            parts.append(line((52, y), (72, y), class_=f"course-{name}"))
            parts.append(words(78, y + 4, texts(f"calibration_{name}"), class_="tick"))
    return drawing(_WIDTH, _HEIGHT, parts, texts("reliability_title"))


def _course(axes: Axes, table: ReliabilityCard, name: str) -> Iterator[str]:
    pairs = zip(table.mean_probability, table.landslide_share, strict=True)
    points = np.array([(axes.x(x), axes.y(y)) for x, y in pairs]).reshape(-1, 2)
    yield polyline(points, class_=f"course-{name}")
    for x, y in points.tolist():
        yield element("circle", cx=x, cy=y, r=2.6, class_=f"mark-{name}")
