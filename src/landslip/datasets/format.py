"""The tile format: an index in GeoParquet beside three flat arrays.

A dataset is a folder:

- ``dataset.json``: bands, units, tile size, split plan and digests (`DatasetCard`);
- ``tiles.parquet``: one row a tile, with its split, group, source scene, window and footprint, and
  in merged datasets its event;
- ``images.bin``, ``labels.bin``, ``valid.bin``: the tiles' pixels one after another,
  memory-mapped when read. A tile's pixels start at ``pixel_start`` (times the number of bands in
  ``images.bin``) and are stored as (bands, height, width) or (height, width).

Nothing here needs a raster library: machines that only train can read it.
"""

import copy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from pydantic import Field, model_validator

from landslip.core import labels as classes
from landslip.core.arguments import choose
from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import Split, Units
from landslip.core.errors import InputError, MissingDependencyError, excerpt
from landslip.core.messages import Message, message, sentences
from landslip.core.records import DType, StrictModel
from landslip.core.text import RecordKind
from landslip.datasets.contents import SplitContents, few_landslides, missing_splits, split_contents
from landslip.datasets.position_prior import PositionPrior, PositionPriorSurvey
from landslip.datasets.splits.assignment import limited_to, split_digest

if TYPE_CHECKING:
    from landslip.datasets.torch_tiles import Sample, TorchTiles

FORMAT_VERSION = 1
BACKGROUND, LANDSLIDE, IGNORE = classes.BACKGROUND, classes.LANDSLIDE, classes.IGNORE
CARD, INDEX = "dataset.json", "tiles.parquet"
IMAGES, LABELS, VALID = "images.bin", "labels.bin", "valid.bin"
_COLUMNS = ("tile_id", "split", "height", "width", "pixel_start")
_MOST_LANDSLIDE = 0.5  # of labelled pixels; landslides cover less


class DatasetCard(StrictModel):
    """The content of ``dataset.json``."""

    format: Literal["landslip-dataset"] = "landslip-dataset"
    version: int = FORMAT_VERSION
    bands: tuple[str, ...]
    units: Units
    dtype: DType
    scale: float
    offset: float
    nodata: float | None
    band_radiometry: tuple[BandRadiometry, ...] = Field(
        (),
        description="units, scale, offset and nodata of each band, where they differ; a value that "
        "is missing in one band becomes its training mean. (): all are as above",
    )
    resolution_m: float | None
    tile_size: int
    source: str
    split_method: str
    test_share: float
    val_share: float
    seed: int
    tiles: dict[str, int]
    splits: dict[str, SplitContents] = Field(
        {}, description="landslides by split; {}: written by an earlier version"
    )
    warnings: tuple[str, ...] = ()
    position_prior: PositionPrior | None = Field(
        None, description="None: under two tiles with landslides, or written by an earlier version"
    )
    landslide_share: float | None
    pixels_sha256: str
    split_sha256: str
    code_version: str

    @model_validator(mode="after")
    def _of_each_band(self) -> "DatasetCard":
        if len(self.band_radiometry) not in (0, len(self.bands)):
            raise ValueError("band_radiometry has an entry for each band, or none")
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings on labels and bands, without those on splits."""
        of_splits = sentences(self.split_warnings)
        return tuple(text for text in self.warnings if text not in of_splits)

    @property
    def label_warnings(self) -> tuple[Message, ...]:
        """The warnings of a strong position prior, and of more landslide than background."""
        prior = None if self.position_prior is None else self.position_prior.warning
        share, mostly = self.landslide_share or 0.0, None
        if share > _MOST_LANDSLIDE:
            mostly = message("dataset.mostly_landslide", share=share)
        return tuple(warning for warning in (prior, mostly) if warning is not None)

    @property
    def split_warnings(self) -> tuple[Message, ...]:
        """The warnings on splits without tiles, and with few landslides."""
        missing = missing_splits(self.splits, test_share=self.test_share, val_share=self.val_share)
        return (*missing, *few_landslides(self.splits))

    @property
    def radiometry(self) -> Radiometry:
        """How stored numbers are converted to values."""
        return Radiometry(
            units=self.units,
            dtype=self.dtype,
            scale=self.scale,
            offset=self.offset,
            bands=self.band_radiometry,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile: stored numbers (bands, height, width), label and valid (height, width).

    The label is 0 background, 1 landslide, 255 not labelled; valid where every band holds data.
    """

    tile_id: str
    stored: NDArray[Any]
    label: NDArray[np.uint8]
    valid: NDArray[np.bool_]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Where loss and metrics apply: valid and labelled."""
        counted: NDArray[np.bool_] = self.valid & (self.label != IGNORE)
        return counted


class TileDataset:
    """A dataset on disk, opened for reading; pixels are read on access."""

    def __init__(self, path: Path) -> None:
        """Open a dataset folder.

        Raises:
            InputError: it is not a dataset, of another version, or incomplete.
        """
        self.path = path
        self.card = _read_card(path)
        self.bands = Bands(self.card.bands)
        self._hidden: Mapping[int, tuple[slice, slice]] = {}
        try:
            table = pyarrow.parquet.read_table(path / INDEX)
        except (pyarrow.ArrowException, OSError) as error:
            raise InputError(
                f"{path / INDEX}: not an index of tiles ({error}); make it again"
            ) from error
        self.index: dict[str, list[Any]] = table.to_pydict()
        missing = sorted({*_COLUMNS} - {*self.index})
        if missing:
            raise InputError(f"{path / INDEX}: the index lacks {', '.join(missing)}; make it again")
        sizes = zip(self.index["height"], self.index["width"], strict=True)
        pixels = sum(height * width for height, width in sizes)
        stored = pixels * len(self.bands) * np.dtype(self.card.dtype).itemsize
        for name, expected in ((IMAGES, stored), (LABELS, pixels), (VALID, pixels)):
            file = path / name
            found = file.stat().st_size if file.exists() else 0
            if found != expected:
                raise InputError(
                    f"{file}: expected {expected} bytes for {len(self)} tiles and found {found}; "
                    "the dataset is incomplete, make it again"
                )

    def __len__(self) -> int:
        return len(self.index["tile_id"])

    def positions(self, split: Split) -> list[int]:
        """Return the positions of a split's tiles, in the order of the index."""
        return [at for at, name in enumerate(self.index["split"]) if name == split.value]

    @property
    def tile_ids(self) -> list[str]:
        """The tiles' names, in the order of the index."""
        return [str(name) for name in self.index["tile_id"]]

    @property
    def splits(self) -> list[Split]:
        """The split of each tile, in the order of the index."""
        return [Split(name) for name in self.index["split"]]

    def has_background(self, positions: list[int]) -> bool:
        """Whether tiles have a valid pixel that is labelled as background."""
        valid, landslide = self.column("valid_px"), self.column("landslide_px")
        return any(
            valid[at] is None or landslide[at] is None or valid[at] > landslide[at]
            for at in positions
        )

    @property
    def contents(self) -> dict[str, SplitContents]:
        """The tiles and landslides of each split, by its name."""
        return split_contents(self.index)

    @property
    def groups(self) -> list[str]:
        """The tiles' groups; a tile without one is its own group."""
        named = zip(self.column("group"), self.tile_ids, strict=True)
        return [tile if group is None else str(group) for group, tile in named]

    def column(self, name: str) -> list[Any]:
        """Return a column of the index; None for every tile where the dataset lacks it."""
        return self.index.get(name, [None] * len(self))

    def with_split(self, splits: Sequence[Split], method: str) -> "TileDataset":
        """Return the same tiles, of the same files, with another split.

        The card then has the actual fractions: of test tiles among those used, and of validation
        tiles among the rest.
        ``method`` describes how they were assigned.
        """
        if len(splits) != len(self):
            raise ValueError(f"each of {len(self)} tiles needs a split; got {len(splits)}")
        number = Counter(splits)
        fitted = number[Split.TRAIN] + number[Split.VALIDATION]
        view = copy.copy(self)
        view.index = self.index | {"split": [split.value for split in splits]}
        contents = view.contents
        view.card = self.card.model_copy(
            update={
                "split_method": method,
                "test_share": number[Split.TEST] / max(fitted + number[Split.TEST], 1),
                "val_share": number[Split.VALIDATION] / max(fitted, 1),
                "tiles": {split.value: number[split] for split in sorted(number)},
                "splits": contents,
                "warnings": sentences(few_landslides(contents)),
                "split_sha256": split_digest(self.tile_ids, splits),
            }
        )
        return view

    def limited(self, train_tiles: int, seed: int) -> "TileDataset":
        """Return the same with ``train_tiles`` training tiles; the others are unused.

        See `landslip.datasets.splits.assignment.limited_to`.

        Raises:
            InputError: there are fewer.
        """
        landslide = [bool(number) for number in self.column("landslide_px")]
        splits = limited_to(self.tile_ids, self.splits, landslide, number=train_tiles, seed=seed)
        return self.with_split(splits, f"{self.card.split_method}, {train_tiles} training tiles")

    def with_hidden_labels(self, hidden: Mapping[int, tuple[slice, slice]]) -> "TileDataset":
        """Return the same tiles, with the labels of some rows and columns hidden, by position.

        Hidden pixels are not labelled (`IGNORE`). Columns of the index, such as landslide pixels,
        stay those of the whole tiles.
        """
        view = copy.copy(self)
        view._hidden = hidden
        return view

    def torch(
        self, split: str, transform: "Callable[[Sample], Sample] | None" = None
    ) -> "TorchTiles":
        """Return the tiles of a split as a torch ``Dataset``. Needs landslip[train].

        Args:
            split: ``train``, ``val`` or ``test``.
            transform: applied to every sample; see `landslip.datasets.torch_tiles.TorchTiles`.

        Raises:
            InputError: there is no such split.
            MissingDependencyError: torch is not installed.
        """
        kind = choose(Split, split, "split")
        try:
            from landslip.datasets.torch_tiles import TorchTiles
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "torch is not installed; install it with: pip install 'landslip[train]'"
            ) from error
        return TorchTiles(self, kind, transform)

    def __repr__(self) -> str:
        tiles = ", ".join(f"{number} {split}" for split, number in self.card.tiles.items())
        return f"TileDataset({str(self.path)!r}: {self.bands}, {tiles})"

    def shape(self, position: int) -> tuple[int, int]:
        """(height, width) of a tile."""
        return int(self.index["height"][position]), int(self.index["width"][position])

    def tile(self, position: int) -> Tile:
        """Return a tile as views into the mapped files."""
        height, width = self.shape(position)
        start, bands = int(self.index["pixel_start"][position]), len(self.bands)
        end = start + height * width
        images, labels, valid = self._pixels
        label = labels[start:end].reshape(height, width)
        if position in self._hidden:
            label = np.array(label)
            label[self._hidden[position]] = IGNORE
        return Tile(
            tile_id=str(self.index["tile_id"][position]),
            stored=images[start * bands : end * bands].reshape(bands, height, width),
            label=label,
            valid=valid[start:end].reshape(height, width).view(np.bool_),
        )

    @cached_property
    def _pixels(self) -> tuple[NDArray[Any], ...]:
        """Images, labels and valid, memory-mapped."""
        types = {IMAGES: self.card.dtype, LABELS: "uint8", VALID: "uint8"}
        return tuple(np.memmap(self.path / file, kind, mode="r") for file, kind in types.items())


def position_prior(dataset: TileDataset) -> PositionPrior | None:
    """Return the position prior that a dataset states; measured where an earlier version made it.

    None of fewer than two tiles with landslides.
    """
    if dataset.card.position_prior is not None:
        return dataset.card.position_prior
    survey, groups = PositionPriorSurvey(), dataset.groups
    for at, group in enumerate(groups):
        tile = dataset.tile(at)
        survey.add(tile.label, tile.counted, group)
    return survey.measure()


def _read_card(path: Path) -> DatasetCard:
    file = path / CARD
    if not file.is_file() or not (path / INDEX).is_file():
        raise InputError(
            f"{path}: not a dataset ({CARD} and {INDEX} are expected in it); "
            "make one with: landslip dataset"
        )
    kind = RecordKind(model=DatasetCard, name="a dataset description", remedy="make it again")
    found = kind.read_content(file)
    version = found.get("version") if isinstance(found, dict) else None
    if version != FORMAT_VERSION:
        raise InputError(
            f"{file}: version {FORMAT_VERSION} of the dataset format is read here and this is "
            f"version {excerpt(version)}; make it again"
        )
    return kind.validate(found, file)
