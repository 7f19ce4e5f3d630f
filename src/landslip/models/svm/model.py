"""A fitted SVM and its two files, readable without scikit-learn and without pickle.

``svm.json`` describes input and fit, ``svm.npz`` holds support vectors and coefficients.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landslip.core.arrays import read_arrays
from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError, ModelError, excerpt
from landslip.core.files import sha256_of
from landslip.core.records import DType, StrictModel
from landslip.core.text import RecordKind
from landslip.datasets.normalisation import Normalisation

CARD, ARRAYS = "svm.json", "svm.npz"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SvmSettings:
    """Settings of the fit of an SVM with Gaussian kernel, and of the sampling of its pixels.

    ``c`` is the penalty of errors, over 0. The gamma "scale" is 1 / (bands * variance), as in
    scikit-learn. At most ``pixels_per_class`` training pixels of each class are sampled.
    """

    c: float = 1.0
    gamma: float | Literal["scale"] = "scale"
    pixels_per_class: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.c) and self.c > 0):
            raise InputError(f"C of the SVM is a number over 0; got {self.c}")
        if self.gamma != "scale" and not (math.isfinite(self.gamma) and self.gamma > 0):
            raise InputError(
                f"gamma of the SVM is a number over 0 or the word scale; got {self.gamma}"
            )
        if self.pixels_per_class < 1:
            raise InputError(
                f"an SVM needs one pixel of each class or more; got {self.pixels_per_class}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SvmModel:
    """A fitted SVM: ``sum_i coefficients_i exp(-gamma |x - support_i|^2) + intercept``.

    ``support`` (n, bands) is normalised, and first of the background; ``coefficients`` (n,) are
    negative for background. ``per_class`` counts training pixels, ``library`` is the version of
    scikit-learn that fitted it.
    """

    bands: Bands
    normalisation: Normalisation
    gamma: float
    intercept: float
    support: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    per_class: int
    settings: SvmSettings
    library: str

    def spectra(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Normalise stored numbers (bands, n) to spectra (n, bands)."""
        return normalised_spectra(self.normalisation, stored)

    def save(self, folder: Path) -> None:
        """Write ``svm.npz`` and ``svm.json`` into a folder."""
        with (folder / ARRAYS).open("wb") as file:
            np.savez(file, support=self.support, coefficients=self.coefficients)
        settings, radiometry = asdict(self.settings), self.normalisation.radiometry
        card = _Card(
            bands=self.bands.names,
            units=radiometry.units,
            dtype=radiometry.dtype,
            scale=radiometry.scale,
            offset=radiometry.offset,
            band_radiometry=radiometry.bands,
            mean=self.normalisation.mean,
            std=self.normalisation.std,
            gamma=self.gamma,
            intercept=self.intercept,
            per_class=self.per_class,
            gamma_setting=settings.pop("gamma"),
            **settings,
            library=self.library,
            arrays_sha256=sha256_of(folder / ARRAYS),
        )
        (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n")


class _Card(StrictModel):
    """The content of ``svm.json``."""

    format: Literal["landslip-svm"] = "landslip-svm"
    version: int = FORMAT_VERSION
    bands: tuple[str, ...]
    units: Units
    dtype: DType
    scale: float
    offset: float
    band_radiometry: tuple[BandRadiometry, ...] = ()
    mean: tuple[float, ...]
    std: tuple[float, ...]
    gamma: float
    intercept: float
    per_class: int
    c: float
    gamma_setting: float | Literal["scale"]
    pixels_per_class: int
    seed: int
    library: str
    arrays_sha256: str


def normalised_spectra(normalisation: Normalisation, stored: NDArray[Any]) -> NDArray[np.float32]:
    """Normalise stored numbers (bands, n), all of them valid, to spectra (n, bands)."""
    values = normalisation.apply(stored[:, :, None], np.ones((stored.shape[1], 1), dtype=np.bool_))
    return np.ascontiguousarray(values[:, :, 0].T)


def load_svm(folder: Path) -> SvmModel:
    """Read a model that `SvmModel.save` wrote.

    Raises:
        ModelError: a file is missing, damaged, of another version, or of another model.
    """
    file = folder / CARD
    if not file.is_file():
        raise ModelError(f"{folder}: not the folder of an SVM, it has no {CARD}")
    kind = RecordKind(
        model=_Card, name="the description of an SVM", remedy="copy it again", error=ModelError
    )
    content = kind.read_content(file)
    version = content.get("version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{file}: this landslip reads SVM files of version {FORMAT_VERSION} and this one "
            f"has version {excerpt(version)}; fit the SVM again"
        )
    card = kind.validate(content, file)
    file = folder / ARRAYS
    if not file.is_file():
        raise ModelError(f"{file}: the model is incomplete, {file.name} is missing; copy it again")
    if sha256_of(file) != card.arrays_sha256:
        raise ModelError(
            f"{file}: the sha256 is not the one in {CARD}; the file is truncated or changed, copy "
            "the model again"
        )
    try:
        arrays = read_arrays(file)
        support, coefficients = arrays["support"], arrays["coefficients"]
    except (InputError, KeyError) as error:
        raise ModelError(
            f"{file}: not an SVM's arrays ({excerpt(error)}); copy the model again"
        ) from error
    values = card.model_dump()
    kept = {key: values[key] for key in ("units", "dtype", "scale", "offset")}
    radiometry = Radiometry(**kept, bands=card.band_radiometry)
    settings = {key: values[key] for key in ("c", "pixels_per_class", "seed")}
    return SvmModel(
        bands=Bands(card.bands),
        normalisation=Normalisation(radiometry=radiometry, mean=card.mean, std=card.std),
        support=support,
        coefficients=coefficients,
        settings=SvmSettings(gamma=card.gamma_setting, **settings),
        **{key: values[key] for key in ("gamma", "intercept", "per_class", "library")},
    )
