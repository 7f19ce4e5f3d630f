"""Figure 6 of the paper: test tiles row by row, image | label | each method's error map."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from landslip.datasets.format import LANDSLIDE, Tile, TileDataset
from landslip.experiments.mean_mask import MEAN_MASK
from landslip.experiments.paper import PaperMethod
from landslip.experiments.results import RunFacts
from landslip.experiments.run_folder import PREDICTIONS, Predictions
from landslip.io.visualization import RgbImage, error_map, label_image, rgb_composite, save_rows
from landslip.metrics.pixels import count_pixels
from landslip.reporting.charts import image_uri
from landslip.reporting.experiment.claims import run_at
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.numbers import percentage

ROWS, MAX_METHODS = 6, 8
_SIDE_PX, _QUALITY, _HEADER_PX = 192, 78, 26
_ORDER = (
    PaperMethod.SVM,
    PaperMethod.UNET,
    PaperMethod.ALBUNET,
    PaperMethod.LINKNET,
    PaperMethod.TRANSFERRED,
)
CAPTION = (
    "green: true positive, red: false positive, blue: false negative. Tiles are not hand-picked: "
    "the test tiles with landslides are sorted by their fraction of landslide, and every n-th one "
    "is shown."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPanel:
    """One image of the grid with the note under it."""

    image: RgbImage
    note: str = ""

    @property
    def uri(self) -> str:
        """The image as a WebP data URI."""
        image = Image.fromarray(self.image)
        if max(image.size) > _SIDE_PX:
            image.thumbnail((_SIDE_PX, _SIDE_PX))
        return image_uri(image, "WEBP", quality=_QUALITY, method=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorMapGrid:
    """Figure 6 of one data set."""

    dataset: str
    file: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[GridPanel, ...], ...]

    def write(self, folder: Path) -> None:
        """Write the grid as one PNG under its columns' names."""
        width = self.rows[0][0].image.shape[1]
        header = []
        for column in self.columns:
            strip = Image.new("RGB", (width, _HEADER_PX), "white")
            draw = ImageDraw.Draw(strip)
            fonts = (ImageFont.load_default(size) for size in range(15, 6, -1))
            font = next((one for one in fonts if draw.textlength(column, font=one) <= width), None)
            draw.text((0, 4), column, fill="black", font=font or ImageFont.load_default(7))
            header.append(np.asarray(strip))
        images = [[panel.image for panel in row] for row in self.rows]
        save_rows([header, *images], folder / self.file)


def error_map_grids(
    summary: ExperimentSummary, datasets: Mapping[str, TileDataset], folder: Path
) -> Iterator[ErrorMapGrid]:
    """Yield figure 6 of each data set, from the predictions in the experiment's folder.

    Its split is the first that is not random; its seed the first. Methods without predictions are
    left out, and data sets without any.
    """
    shown = set()
    for dataset, split in summary.places:
        if dataset in datasets and dataset not in shown:
            grid = _grid(summary, datasets[dataset], (dataset, split), folder)
            if grid is not None:
                shown.add(dataset)
                yield grid


def shown_methods(summary: ExperimentSummary, place: tuple[str, str]) -> list[str]:
    """Return the methods of the grid: the paper's in its order, then others, eight at most."""
    names = [one.method for one in summary.all_scores(*place) if one.method != MEAN_MASK]
    order = {name: _ORDER.index(role.method) for name, role in summary.printed_methods.items()}
    paper = sorted((name for name in names if name in order), key=lambda name: order[name])
    others = [name for name in names if name not in order]
    others.sort(key=lambda name: summary.method(name).arch == "linknet")
    return [*paper, *others][:MAX_METHODS]


def select_tiles(fractions: Mapping[str, float], rows: int = ROWS) -> list[str]:
    """Return tiles at equal steps of the order by fraction of landslide, without those of none."""
    ordered = sorted((fraction, name) for name, fraction in fractions.items() if fraction > 0)
    count = min(rows, len(ordered))
    steps = [int((at + 0.5) * len(ordered) / count) for at in range(count)]
    return [ordered[step][1] for step in steps]


def _grid(
    summary: ExperimentSummary, dataset: TileDataset, place: tuple[str, str], folder: Path
) -> ErrorMapGrid | None:
    by_method: dict[str, list[RunFacts]] = {}
    for name in shown_methods(summary, place):
        first_seed = summary.runs[run_at(place, name)].runs[0]
        predicted = [
            run for run in first_seed if (_run_folder(folder, run) / PREDICTIONS).is_file()
        ]
        if predicted:
            by_method[name] = predicted
    if not by_method:
        return None
    positions = {str(name): at for at, name in enumerate(dataset.index["tile_id"])}
    common = {*positions}
    for runs in by_method.values():
        common &= {tile.tile_id for run in runs if run.scores for tile in run.scores.tiles}
    fractions = {name: _landslide_fraction(dataset.tile(positions[name])) for name in common}
    tiles = [dataset.tile(positions[name]) for name in select_tiles(fractions)]
    if not tiles:
        return None
    detected = [_detected(runs, tiles, folder) for runs in by_method.values()]
    return ErrorMapGrid(
        dataset=place[0],
        file=f"figure6_{place[0]}.png",
        caption=f"{summary.place_title(place)}: {CAPTION}",
        columns=("image", "label", *(summary.label(name) for name in by_method)),
        rows=tuple(tuple(_row(dataset, tile, detected)) for tile in tiles),
    )


def _run_folder(folder: Path, run: RunFacts) -> Path:
    return folder / "cells" / run.key.slug


def _landslide(tile: Tile) -> NDArray[np.bool_]:
    return np.asarray((tile.label == LANDSLIDE) & tile.counted)


def _landslide_fraction(tile: Tile) -> float:
    return int(_landslide(tile).sum()) / max(int(tile.counted.sum()), 1)


def _detected(
    runs: Sequence[RunFacts], tiles: Sequence[Tile], folder: Path
) -> dict[str, NDArray[np.bool_]]:
    """Return where a method detects landslide, by tile."""
    detected: dict[str, NDArray[np.bool_]] = {}
    for run in runs:
        predictions = Predictions(_run_folder(folder, run))
        stored = {*predictions}
        threshold = run.scores.threshold if run.scores else 0.5
        for tile in tiles:
            if tile.tile_id in stored:
                probability = predictions.probability(tile.tile_id)
                detected.setdefault(tile.tile_id, (probability >= threshold) & tile.counted)
    return detected


def _row(
    dataset: TileDataset, tile: Tile, detected: Sequence[Mapping[str, NDArray[np.bool_]]]
) -> Iterator[GridPanel]:
    image = rgb_composite(tile.stored, tile.valid, dataset.bands)
    landslide = _landslide(tile)
    yield GridPanel(image=image, note=tile.tile_id)
    fraction = percentage(_landslide_fraction(tile))
    yield GridPanel(image=label_image(landslide), note=f"{fraction} %")
    for by_tile in detected:
        mask = by_tile.get(tile.tile_id)
        if mask is None:
            yield GridPanel(image=np.full_like(image, 255), note="no prediction")
        else:
            f1 = count_pixels(mask, landslide, tile.counted).f1
            yield GridPanel(image=error_map(image, mask, landslide), note=f"F1 {percentage(f1)}")
