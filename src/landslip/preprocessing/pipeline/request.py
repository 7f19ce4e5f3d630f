"""What is asked of preprocessing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasterio.crs import CRS

from landslip import __version__
from landslip.core.choices import AtmosphericCorrection, CloudHandling, PansharpeningMethod
from landslip.core.errors import InputError
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRequest:
    """How clouds are found and what becomes of them.

    Attributes:
        weights: folder of OmniCloudMask's weights; None takes the bright-and-white test.
        fate: whether they become nodata, or a mask beside the scene.
    """

    weights: Path | None = None
    fate: CloudHandling = CloudHandling.NODATA


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRequest:
    """How products become scenes.

    Attributes:
        dem: the elevation model.
        atmosphere: what is done about the air.
        optical_depth: of the aerosol at 550 nm; 6S asks for it.
        calibration: ``nearest``, ``table``, a YAML file, or None.
        fusion: how the detail of the panchromatic band comes in.
        registers: whether the multispectral image is matched with the panchromatic one.
        reference: a scene that the cameras are corrected by.
        clouds: how clouds are found; None does not look for them.
        resolution_m: side of a pixel.
        crs: of the map; None takes ``common_crs``.
        common_crs: that of the first product, which the others follow; None takes the UTM zone.
        overwrite: whether what an earlier run wrote may be replaced.
    """

    dem: DemRequest
    atmosphere: AtmosphericCorrection = AtmosphericCorrection.TOA
    optical_depth: float = 0.15
    calibration: str | Path | None = None
    fusion: PansharpeningMethod = PansharpeningMethod.BROVEY
    registers: bool = True
    reference: RefinementRequest | None = None
    clouds: CloudRequest | None = None
    resolution_m: float = 2.0
    crs: CRS | None = None
    common_crs: CRS | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0.5 <= self.resolution_m <= 30:
            raise InputError(
                f"a scene has pixels of 0.5 to 30 m; got --resolution {self.resolution_m}"
            )

    @property
    def map_crs(self) -> CRS | None:
        """The map's coordinate system, as far as it is known before the product is opened."""
        return self.crs or self.common_crs

    def as_dict(self) -> dict[str, Any]:
        """Return what is asked for a JSON file, without what other products add to it."""
        return {
            "landslip": __version__,
            "dem": _file(self.dem.path),
            "dem_heights": None if self.dem.heights is None else str(self.dem.heights),
            "dem_gaps": self.dem.gaps.value,
            "clip_to_dem": self.dem.clip,
            "atmosphere": self.atmosphere.value,
            "optical_depth": self.optical_depth,
            "calibration": None if self.calibration is None else str(self.calibration),
            "fusion": self.fusion.value,
            "registers": self.registers,
            "reference": None if self.reference is None else _file(self.reference.path),
            "reference_model": None if self.reference is None else self.reference.model.value,
            "clouds": None if self.clouds is None else str(self.clouds.weights or "bright"),
            "cloud_fate": None if self.clouds is None else self.clouds.fate.value,
            "resolution_m": self.resolution_m,
            "crs": None if self.crs is None else str(self.crs),
        }


def _file(path: Path) -> dict[str, Any]:
    """Return what tells a file from another of the same name."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return {"name": path.name, "bytes": path.stat().st_size}
