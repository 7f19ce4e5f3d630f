"""Writes whole level-1A products, as archives or folders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import numpy as np

from landslip.core.files import atomic_directory, atomic_file
from landslip.core.progress import Progress, no_progress
from landslip.preprocessing.product.rpb import rpb_text
from landslip.preprocessing.radiometry.calibration import Calibration
from landslip.preprocessing.radiometry.find_calibration import NEAREST, find_calibration
from landslip.synthetic.browse import write_browse
from landslip.synthetic.ground import Ground
from landslip.synthetic.metadata import ImageFacts, metadata_text
from landslip.synthetic.overpass import Overpass, Target, View
from landslip.synthetic.packing import packed
from landslip.synthetic.render import Day, Exposure, write_image
from landslip.synthetic.rpc_fit import fit_rpc
from landslip.synthetic.sensor import MSS, PAN, Air, Sensor

_HEIGHT_MARGIN_M = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRequest:
    """A product to be made.

    Attributes:
        ground: what is looked at, in the light of the overpass.
        overpass: when and how it is looked at.
        target: what the middle of the image looks at.
        sensor: how light becomes counts.
        seed: of noise and haze.
        product_id: number of the product, of up to ten digits.
        archive: whether a ``.tar.gz`` is made; else a folder.
        zenith_as_elevation: whether SolarZenith holds the elevation, as in some older products.
        states_coefficients: whether the calibration is stated as AbsCeof.
        overwrite: whether an earlier product of the name is replaced.
    """

    ground: Ground
    overpass: Overpass
    target: Target
    sensor: Sensor = field(default_factory=Sensor)
    seed: int = 0
    product_id: int = 0
    archive: bool = True
    zenith_as_elevation: bool = False
    states_coefficients: bool = False
    overwrite: bool = False

    @property
    def name(self) -> str:
        """What the product is called, such as GF1_PMS1_E103.5_N31.3_20130812_L1A0000000000."""
        lon, lat = self.target.lon_deg, self.target.lat_deg
        east, north = "E" if lon >= 0 else "W", "N" if lat >= 0 else "S"
        return (
            f"GF1_{self.overpass.sensor_name}_{east}{abs(lon):.1f}_{north}{abs(lat):.1f}_"
            f"{self.overpass.beijing_time:%Y%m%d}_L1A{self.product_id:010d}"
        )

    @property
    def calibration(self) -> Calibration:
        """That of the camera in the year, or in the nearest one that has figures."""
        camera = f"GF1 {self.overpass.sensor_name}"
        return find_calibration(camera, self.overpass.utc.year, choice=NEAREST)


def write_product(request: ProductRequest, folder: Path, progress: Progress = no_progress) -> Path:
    """Make a product in a folder and return its path: ``NAME.tar.gz``, or the folder ``NAME``.

    The same request gives the same bytes.

    Raises:
        OutputExistsError: it is there already and ``overwrite`` is not set.
        InputError: the metadata's camera model cannot follow the camera.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not request.archive:
        out = folder / request.name
        with atomic_directory(out, overwrite=request.overwrite) as stage:
            _make(request, stage, lambda _path: None, progress)
        return out
    out = folder / f"{request.name}.tar.gz"
    time_s = int(request.overpass.utc.replace(tzinfo=UTC).timestamp())
    with (
        atomic_file(out, overwrite=request.overwrite) as partial,
        packed(partial, time_s) as packing,
    ):
        _make(request, partial.parent, packing.move_in, progress)
    return out


def _make(
    request: ProductRequest, stage: Path, keep: Callable[[Path], None], progress: Progress
) -> None:
    """Make both images with all that belongs to them, and hand on each file as it is done."""
    mss, pan = request.overpass.views(request.target)
    day = _day(request)
    for view, bands, share in ((mss, MSS, (0.0, 0.2)), (pan, PAN, (0.2, 1.0))):
        kind = "MSS" if bands == MSS else "PAN"
        base = stage / f"{request.name}-{kind}{request.overpass.camera}"
        texts = _texts(request, view, bands, base)
        exposure = Exposure.of(view.seen, bands, request.ground, day)
        tiff = base.with_name(f"{base.name}.tiff")
        preview = write_image(exposure, tiff, _part_of(progress, share))
        for path in (tiff, *texts, *write_browse(preview, base)):
            keep(path)


def _day(request: ProductRequest) -> Day:
    generator = np.random.default_rng([request.seed, 1])
    return Day(
        sensor=request.sensor,
        calibration=request.calibration,
        sun=request.overpass.sun(request.target),
        air=Air.drawn(request.sensor.haze_variation, generator),
        seed=request.seed,
    )


def _texts(
    request: ProductRequest, view: View, bands: tuple[str, ...], base: Path
) -> tuple[Path, Path]:
    """Write metadata and camera model as the product tells them."""
    low, high = request.ground.height_range_m
    rpc = fit_rpc(view.told, (low - _HEIGHT_MARGIN_M, high + _HEIGHT_MARGIN_M)).rpc
    facts = ImageFacts(
        overpass=request.overpass,
        camera=view.told,
        sun=request.overpass.sun(request.target),
        product_id=request.product_id,
        bands=bands,
        zenith_as_elevation=request.zenith_as_elevation,
        coefficients=request.calibration if request.states_coefficients else None,
    )
    paths = base.with_name(f"{base.name}.xml"), base.with_name(f"{base.name}.rpb")
    for path, text in zip(paths, (metadata_text(facts), rpb_text(rpc)), strict=True):
        path.write_text(text, encoding="ascii", newline="\n")
    return paths


def _part_of(progress: Progress, share: tuple[float, float]) -> Progress:
    """Return what reports to a stretch (from 0 to 1) of a longer work."""
    start, end = share

    def report(done: float, total: float) -> None:
        progress(start + (end - start) * done / total, 1.0)

    return report
