"""Landslides of scenes: probabilities in memory, and extractions on disk."""

import shutil
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import cached_property
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landslip.api.models import TrainedModel, as_model
from landslip.api.temporary import remove_with, temporary_folder
from landslip.core.arguments import BandsArgument, PathArgument, ProgressArgument, checked
from landslip.core.choices import EngineName, Precision, Tta
from landslip.core.errors import InputError, LandslipError, MissingDependencyError, argument
from landslip.core.files import atomic_directory
from landslip.core.grid import Grid
from landslip.core.html import html_table
from landslip.core.progress import progress_bar
from landslip.core.resources import parse_size
from landslip.core.window import Window
from landslip.inference.result import LANDSLIDES, SUMMARY, ExtractionSummary
from landslip.io.raster.scene import Scene, SceneOptions

if TYPE_CHECKING:
    import geopandas
    import xarray

    from landslip.models.engines.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Probability:
    """Probability of landslide on a grid.

    Attributes:
        array: (height, width) float32 in 0 to 1; NaN where there is no data.
        grid: coordinate system, pixel-to-map transform and shape.
    """

    array: NDArray[np.float32]
    grid: Grid

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the array, for numpy and what builds on it."""
        return np.array(self.array, dtype=dtype, copy=copy)

    def to_xarray(self) -> "xarray.DataArray":
        """Return a DataArray (y, x) with coordinates of pixel centres and ``crs`` as attribute.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        try:
            import xarray
        except ImportError as error:
            raise MissingDependencyError(
                "to_xarray() needs xarray, which is not installed; install it with: "
                "pip install xarray"
            ) from error
        transform = self.grid.transform
        height, width = self.grid.shape
        if transform.b or transform.d:
            raise InputError("to_xarray() takes grids that are not rotated; use .array and .grid")
        return xarray.DataArray(
            self.array,
            dims=("y", "x"),
            coords={
                "y": transform.f + transform.e * (np.arange(height) + 0.5),
                "x": transform.c + transform.a * (np.arange(width) + 0.5),
            },
            name="landslide_probability",
            attrs={
                "crs": None if self.grid.crs is None else self.grid.crs.to_wkt(),
                "transform": tuple(transform)[:6],
            },
        )


def predict(
    model: TrainedModel,
    scene: Scene | PathArgument,
    window: Window | tuple[int, int, int, int] | None,
    engine: "Engine",
    progress: ProgressArgument,
    *,
    force: bool = False,
) -> Probability:
    """Return the probability of landslide of a scene or window; see `TrainedModel.predict`."""
    from landslip.inference.prediction import predict_window

    if not isinstance(scene, Scene):
        with Scene(fspath(scene)) as opened:
            return predict(model, opened, window, engine, progress, force=force)
    part = window if window is None or isinstance(window, Window) else Window(*window)
    with progress_bar("predict", "windows", show=progress) as shown:
        array = predict_window(scene, model.folder, engine, part, force=force, progress=shown)
    return Probability(array=array, grid=scene.grid if part is None else scene.grid.at(part))


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """The landslides of a scene: a folder with rasters, polygons and a summary.

    Attributes:
        folder: with ``probability.tif``, ``mask.tif``, ``landslides.gpkg`` and ``summary.json``.
        summary: what was done with what, and how much was found.
    """

    folder: Path
    summary: ExtractionSummary

    @classmethod
    @checked()
    def open(cls, folder: PathArgument) -> "Extraction":
        """Open what `extract` or ``landslip extract`` wrote.

        Raises:
            InputError: it is no such folder.
        """
        path = Path(folder)
        try:
            return cls(folder=path, summary=ExtractionSummary.read(path / SUMMARY))
        except InputError as error:
            raise InputError(f"{path}: not the result of an extraction ({error})") from error

    @cached_property
    def landslides(self) -> "geopandas.GeoDataFrame":
        """The polygons of the mask, with area and probability."""
        import geopandas

        return geopandas.read_file(self.folder / LANDSLIDES)

    @property
    def probability(self) -> Probability:
        """The probability of every pixel, read from ``probability.tif``."""
        from landslip.inference.rasters import PROBABILITY
        from landslip.io.raster import Mask, SensorImage
        from landslip.models.engines.base import PROBABILITY_LEVELS

        path = self.folder / PROBABILITY
        with Mask(path) as raster, SensorImage(path) as image:
            steps, valid = raster.read()
            grid = image.grid
        values = steps.astype(np.float32) / np.float32(PROBABILITY_LEVELS)
        return Probability(array=np.where(valid, values, np.float32(np.nan)), grid=grid)

    @checked()
    def save(self, out: PathArgument, *, overwrite: bool = False) -> Path:
        """Copy the result into a folder and return it.

        Raises:
            OutputExistsError: the folder exists.
        """
        with atomic_directory(Path(out), overwrite=overwrite) as stage:
            shutil.copytree(self.folder, stage, dirs_exist_ok=True)
        return Path(out)

    def _repr_html_(self) -> str:
        summary = self.summary
        area = summary.landslide_area_m2
        return html_table(
            "landslip extraction",
            {
                "scene": summary.scene,
                "model": summary.model,
                "landslides": f"{summary.landslides:,}",
                "area": f"{summary.landslide_px:,} px" if area is None else f"{area / 1e6:.4f} km²",
                "threshold": f"{summary.threshold:.3f}",
                "warnings": "; ".join(summary.warnings) or "none",
                "folder": str(self.folder),
            },
        )


@checked()
def extract(
    scene: Scene | PathArgument,
    model: TrainedModel | PathArgument,
    *,
    out: PathArgument | None = None,
    bands: BandsArgument | None = None,
    units: str | None = None,
    nodata: float | None = None,
    dem: PathArgument | None = None,
    before: PathArgument | None = None,
    threshold: float | None = None,
    min_area: float | None = None,
    tile: int | None = None,
    overlap: int = 64,
    engine: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    tta: str | bool = Tta.NONE,
    memory: str = "2G",
    workers: int | None = None,
    ray: str | None = None,
    store: str | None = None,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> Extraction:
    """Map the landslides of a scene.

    Memory is bounded whatever the scene's size. With ``out``, an interrupted call goes on where it
    was, to the same bytes; without, the result is in a temporary folder that is removed with the
    object.

    Args:
        scene: from `landslip.open_scene`, or a path or address.
        model: from `landslip.load_model`, or its folder.
        out: folder to write.
        bands: names of the file's bands in their order; so are ``units`` and ``nodata`` stated
            over what the file says. An opened scene has them already.
        units: ``reflectance`` or ``dn``.
        nodata: value that marks missing data.
        dem: elevation model, for a model that takes bands of terrain; see `landslip.stack`.
        before: image of an earlier date, for a model that takes its bands.
        threshold: probability from which a pixel is landslide; None: the model's.
        min_area: smallest landslide kept as a polygon, in square metres; None: 4 pixels of the
            model's training data, fewer where its labels hold smaller ones; 0 keeps all.
        tile: side of a window in pixels; None: planned.
        overlap: overlap of windows in pixels.
        engine: ``auto``, ``openvino``, ``torch`` or ``onnx``.
        precision: number format that the network runs in.
        tta: test-time augmentation: average the probabilities of each window and its three flips
            (``flips``, or True), which takes four times as long, or its flips and quarter turns
            (``dihedral``), eight times.
        memory: bound on the memory of the process, such as ``2G``.
        workers: windows computed at once; with ``ray``, processes.
        ray: address of a Ray cluster to compute on, or ``auto``.
        store: folder or address for finished windows; None: beside ``out``.
        overwrite: replace a result that exists.
        force: only warn of bands and values that do not look like the model's training data.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the scene cannot be read, or an argument does not fit it.
        ModelError: the scene's bands, units or values do not fit the model.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.extract("scene.tif", "MODEL", out="MAP").landslides
    """
    if isinstance(scene, Scene):
        if (bands, units, nodata) != (None, None, None):
            raise InputError(
                f"{argument('bands')}, {argument('units')} and {argument('nodata')} are stated "
                "when a scene is opened; leave them out, or give the scene's path"
            )
        options, place = scene.options, str(scene.path)
        sources = getattr(scene, "sources", None)
        if sources is not None:
            dem, before = dem or sources.dem, before or sources.before
    else:
        options, place = SceneOptions.stated(bands, units, nodata), str(scene)
    with temporary_folder(keep_if=out is None) as temporary:
        ((_, result),) = extract_all(
            [place],
            model,
            out=temporary / "extraction" if out is None else out,
            options=options,
            dem=dem,
            before=before,
            threshold=threshold,
            min_area=min_area,
            tile=tile,
            overlap=overlap,
            engine=engine,
            precision=precision,
            tta=tta,
            memory=memory,
            workers=workers,
            ray=ray,
            store=store,
            overwrite=overwrite,
            force=force,
            progress=progress,
        )
        if isinstance(result, LandslipError):
            raise result
    if out is None:
        remove_with(result, temporary)
    return result


@checked("folders")
def extract_all(
    scenes: Iterable[PathArgument],
    model: TrainedModel | PathArgument,
    *,
    out: PathArgument,
    stac: Iterable[PathArgument] = (),
    options: SceneOptions | None = None,
    dem: PathArgument | None = None,
    before: PathArgument | None = None,
    threshold: float | None = None,
    min_area: float | None = None,
    tile: int | None = None,
    overlap: int = 64,
    engine: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    tta: str | bool = Tta.NONE,
    memory: str = "2G",
    workers: int | None = None,
    ray: str | None = None,
    store: str | None = None,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> Generator[tuple[Path, Extraction | LandslipError]]:
    """Map the landslides of several scenes, one after the other or on a Ray cluster at once.

    Further scenes are described by STAC items, ``stac`` (paths or addresses). Of several scenes,
    each has a folder of its name in ``out``. ``options`` state what the scenes are over what their
    files say; the arguments from ``dem`` on are those of `extract`.

    Yields:
        The folder of each scene, and its extraction; of several scenes, one that cannot be mapped
        is yielded as its error and does not stop the others.

    Examples:
        >>> for folder, result in landslip.extract_all(["a.tif", "b.tif"], "MODEL", out="MAPS"): ...
    """
    from landslip.inference.job import ExtractionOptions
    from landslip.inference.run import extract_all as run
    from landslip.inference.run import scene_tasks
    from landslip.preprocessing.stack.scene import StackSources

    chosen = ExtractionOptions(
        scene=options or SceneOptions(),
        sources=StackSources.stated(dem, None, before),
        tile=tile,
        overlap=overlap,
        threshold=threshold,
        min_area_m2=min_area,
        memory_bytes=parse_size(memory, argument("memory")),
        workers=workers,
        ray=ray,
        store=store,
        overwrite=overwrite,
        force=force,
    )
    orders = scene_tasks([str(scene) for scene in scenes], [str(item) for item in stac], Path(out))
    opened = as_model(model)
    runner = opened.engine(engine, precision, tta=tta)
    with progress_bar("extract", "MPix", 1e6, show=progress) as shown:
        for order, found in run(orders, opened.folder, runner, chosen, progress=shown):
            if isinstance(found, LandslipError):
                yield order.out, found
            else:
                yield order.out, Extraction(folder=order.out, summary=found)
