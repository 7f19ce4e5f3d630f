"""Figure 6 of the paper: test tiles row by row, image | label | each method with its errors."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from landslip.datasets.format import LANDSLIDE, Tile, TileDataset
from landslip.experiments.paper import PaperMethod
from landslip.experiments.results import RunFacts
from landslip.experiments.run_folder import PREDICTIONS, Predictions
from landslip.io.visualization import RgbImage, error_map, label_image, rgb_composite, save_rows
from landslip.metrics.pixels import count_pixels
from landslip.reporting.experiment.runs import PooledRunKey
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.numbers import percent

ROWS, MOST_METHODS = 6, 8
_SIDE_PX, _QUALITY = 192, 78
_CAPTION_PX = 26
_ORDER = (
    PaperMethod.SVM,
    PaperMethod.UNET,
    PaperMethod.ALBUNET,
    PaperMethod.LINKNET,
    PaperMethod.TRANSFERRED,
)
CAPTION = (
    "green: found, red: wrongly found, blue: missed. Tiles are not chosen by eye: the test tiles "
    "with landslides are put in order by their share of landslide, and those at equal steps of the "
    "order are shown."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPanel:
    """One picture of the grid; ``note`` stands under it."""

    picture: RgbImage
    note: str = ""

    @property
    def uri(self) -> str:
        """The picture as a WebP data URI."""
        image = Image.fromarray(self.picture)
        if max(image.size) > _SIDE_PX:
            image.thumbnail((_SIDE_PX, _SIDE_PX))
        buffer = io.BytesIO()
        image.save(buffer, format="WEBP", quality=_QUALITY, method=6)
        return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


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
        width = self.rows[0][0].picture.shape[1]
        head = [_words(column, width) for column in self.columns]
        save_rows(
            [head, *([panel.picture for panel in row] for row in self.rows)], folder / self.file
        )


def picture_grids(
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
    names = [line.run.key.method for line in summary.lines_of(*place)]
    order = {name: _ORDER.index(known.method) for name, known in summary.printed_as.items()}
    paper = sorted((name for name in names if name in order), key=lambda name: order[name])
    others = [name for name in names if name not in order]
    others.sort(key=lambda name: summary.method(name).arch == "linknet")
    return [*paper, *others][:MOST_METHODS]


def chosen_tiles(shares: Mapping[str, float], rows: int = ROWS) -> list[str]:
    """Return tiles at equal steps of the order by share of landslide, without those of none."""
    ordered = sorted((share, name) for name, share in shares.items() if share > 0)
    count = min(rows, len(ordered))
    steps = [int((at + 0.5) * len(ordered) / count) for at in range(count)]
    return [ordered[step][1] for step in steps]


def _grid(
    summary: ExperimentSummary, dataset: TileDataset, place: tuple[str, str], folder: Path
) -> ErrorMapGrid | None:
    cells = {name: _cells(summary, place, name, folder) for name in shown_methods(summary, place)}
    cells = {name: found for name, found in cells.items() if found}
    if not cells:
        return None
    tiles = _tiles(dataset, _shared_tiles(list(cells.values())))
    if not tiles:
        return None
    columns = [_found(cells[name], tiles, folder) for name in cells]
    rows = tuple(_grid_row(dataset, tile, columns) for tile in tiles)
    name, split = place
    return ErrorMapGrid(
        dataset=name,
        file=f"figure6_{name}.png",
        caption=f"{summary.title(name)}, split {split}: {CAPTION}",
        columns=("image", "label", *(summary.label(name) for name in cells)),
        rows=rows,
    )


def _cells(
    summary: ExperimentSummary, place: tuple[str, str], method: str, folder: Path
) -> tuple[RunFacts, ...]:
    """Return the cells of a run's first seed whose predictions are there."""
    run = summary.runs[PooledRunKey(dataset=place[0], split=place[1], method=method)]
    return tuple(cell for cell in run.cells[0] if (_of_cell(folder, cell) / PREDICTIONS).is_file())


def _of_cell(folder: Path, cell: RunFacts) -> Path:
    return folder / "cells" / cell.key.slug


def _shared_tiles(runs: Sequence[tuple[RunFacts, ...]]) -> set[str]:
    tested = [
        {tile.tile_id for cell in cells if cell.scores for tile in cell.scores.tiles}
        for cells in runs
    ]
    return set.intersection(*tested)


def _tiles(dataset: TileDataset, names: set[str]) -> list[Tile]:
    positions = {str(name): at for at, name in enumerate(dataset.index["tile_id"])}
    shares = {}
    for name in names & positions.keys():
        tile = dataset.tile(positions[name])
        shares[name] = _share(tile)
    return [dataset.tile(positions[name]) for name in chosen_tiles(shares)]


def _share(tile: Tile) -> float:
    return int(_known(tile).sum()) / max(int(tile.counted.sum()), 1)


def _known(tile: Tile) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = (tile.label == LANDSLIDE) & tile.counted
    return known


def _found(
    cells: tuple[RunFacts, ...], tiles: Sequence[Tile], folder: Path
) -> dict[str, NDArray[np.bool_]]:
    """Return where a method says landslide, by tile."""
    found: dict[str, NDArray[np.bool_]] = {}
    for cell in cells:
        predictions = Predictions(_of_cell(folder, cell))
        stored = {*predictions}
        threshold = cell.scores.threshold if cell.scores else 0.5
        for tile in tiles:
            if tile.tile_id in stored:
                probability = predictions.probability(tile.tile_id)
                found.setdefault(tile.tile_id, (probability >= threshold) & tile.counted)
    return found


def _grid_row(
    dataset: TileDataset, tile: Tile, columns: Sequence[Mapping[str, NDArray[np.bool_]]]
) -> tuple[GridPanel, ...]:
    image = rgb_composite(tile.stored, tile.valid, dataset.bands)
    known = _known(tile)
    first = (
        GridPanel(picture=image, note=tile.tile_id),
        GridPanel(picture=label_image(known), note=f"{percent(_share(tile))} %"),
    )
    return (*first, *(_errors(image, tile, column.get(tile.tile_id)) for column in columns))


def _errors(image: RgbImage, tile: Tile, found: NDArray[np.bool_] | None) -> GridPanel:
    if found is None:
        return GridPanel(picture=np.full_like(image, 255), note="no prediction")
    known = _known(tile)
    counts = count_pixels(found, known, tile.counted)
    return GridPanel(picture=error_map(image, found, known), note=f"F1 {percent(counts.f1)}")


def _words(text: str, width: int) -> RgbImage:
    """Return words as a strip of a picture, the letters as large as they fit."""
    strip = Image.new("RGB", (width, _CAPTION_PX), "white")
    draw = ImageDraw.Draw(strip)
    for size in range(15, 6, -1):
        font = ImageFont.load_default(size)
        if draw.textlength(text, font=font) <= width:
            break
    draw.text((0, 4), text, fill="black", font=font)
    return np.asarray(strip)
