"""Encoder weights that are downloaded by name, other than timm's own; importable without torch.

``sentinel2-rgb-moco`` and ``sentinel2-all-moco`` are self-supervised ResNets of Sentinel-2 images
(Wang et al. 2023, doi 10.1109/MGRS.2023.3281651), as torchgeo publishes them with timm's names.
``hf-hub:OWNER/REPOSITORY/FILE`` is any safetensors or pth file on the Hugging Face Hub, optionally
with ``@REVISION``.
"""

from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import InputError, argument
from landslip.core.files import sha256_of
from landslip.models.networks.weights_download import download_from_hub

HUB = "hf-hub:"
_RGB = ("red", "green", "blue")
_SENTINEL2_L1C = (
    "coastal",
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "nir09",
    "cirrus",
    "swir16",
    "swir22",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWeights:
    """A file on the Hugging Face Hub, with the bands of its first layer; None: its header says.

    A file of torchgeo ends in the first digits of its SHA-256, which are checked.
    """

    repository: str
    file: str
    revision: str | None = None
    bands: tuple[str, ...] | None = None

    def download(self) -> Path:
        """Return the file's place in the Hub's cache, downloaded if it is not there.

        Raises:
            InputError: it cannot be downloaded, or its content is not what its name says.
        """
        path = download_from_hub(self.repository, self.file, self.revision)
        digits = Path(self.file).stem.rpartition("-")[2] if self.bands is not None else ""
        if not sha256_of(path).startswith(digits):
            raise InputError(
                f"{path}: its SHA-256 does not begin with {digits}, as that of the published file "
                "does; remove it from the cache"
            )
        return path


_TORCHGEO = {
    ("sentinel2-rgb-moco", "resnet18"): PublishedWeights(
        repository="torchgeo/resnet18_sentinel2_rgb_moco",
        revision="e1c032e7785fd0625224cdb6699aa138bb304eec",
        file="resnet18_sentinel2_rgb_moco-e3a335e3.pth",
        bands=_RGB,
    ),
    ("sentinel2-rgb-moco", "resnet50"): PublishedWeights(
        repository="torchgeo/resnet50_sentinel2_rgb_moco",
        revision="efd9723b59a88e9dc1420dc1e96afb25b0630a3c",
        file="resnet50_sentinel2_rgb_moco-2b57ba8b.pth",
        bands=_RGB,
    ),
    ("sentinel2-all-moco", "resnet18"): PublishedWeights(
        repository="torchgeo/resnet18_sentinel2_all_moco",
        revision="5b8cddc9a14f3844350b7f40b85bcd32aed75918",
        file="resnet18_sentinel2_all_moco-59bfdff9.pth",
        bands=_SENTINEL2_L1C,
    ),
    ("sentinel2-all-moco", "resnet50"): PublishedWeights(
        repository="torchgeo/resnet50_sentinel2_all_moco",
        revision="da4f3c9dbe09272eb902f3b37f46635fa4726879",
        file="resnet50_sentinel2_all_moco-df8b932e.pth",
        bands=_SENTINEL2_L1C,
    ),
}
NAMES = tuple(dict.fromkeys(name for name, _ in _TORCHGEO))


def is_published(weights: str) -> bool:
    """Whether ``weights`` names published weights, rather than a file."""
    return weights in NAMES or weights.startswith(HUB)


def published_weights(weights: str, encoder: str) -> PublishedWeights:
    """Return the published file of that name for an encoder.

    Raises:
        InputError: there is none for this encoder, or an address on the Hub is incomplete.
    """
    if weights.startswith(HUB):
        address, _, revision = weights.removeprefix(HUB).partition("@")
        owner, _, rest = address.partition("/")
        repository, _, file = rest.partition("/")
        if not (owner and repository and file):
            raise InputError(
                f"{argument('encoder_weights', weights)}: an address on the Hub is "
                "hf-hub:OWNER/REPOSITORY/FILE, optionally with @REVISION"
            )
        return PublishedWeights(
            repository=f"{owner}/{repository}", file=file, revision=revision or None
        )
    found = _TORCHGEO.get((weights, encoder))
    if found is None:
        encoders = ", ".join(known for name, known in _TORCHGEO if name == weights)
        raise InputError(
            f"{argument('encoder_weights', weights)}: is published for {encoders}; the encoder is "
            f"{encoder}"
        )
    return found
