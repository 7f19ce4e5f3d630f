"""The enumerations that users choose from; importing them is cheap."""

from enum import StrEnum


class Units(StrEnum):
    """What a pixel value is after scale and offset."""

    DN = "dn"
    REFLECTANCE = "reflectance"


class TerrainUnits(StrEnum):
    """Units of bands that are derived from an elevation model."""

    DEGREE = "deg"
    ONE = "1"
    PER_METRE = "m-1"
    METRE = "m"


class Language(StrEnum):
    """Language of reports, layers and notes."""

    ENGLISH = "en"
    CHINESE = "zh"


class Unreviewed(StrEnum):
    """What becomes of landslides that nobody reviewed, in a corrected inventory."""

    KEEP = "keep"
    DROP = "drop"


class Split(StrEnum):
    """What a tile is used for; ``unused``: left out, e.g. as too near to a test tile."""

    TRAIN = "train"
    VALIDATION = "val"
    TEST = "test"
    UNUSED = "unused"


class SingleModel(StrEnum):
    """How one model is made of those of the folds of a training."""

    REFIT = "refit"
    DISTIL = "distil"
    AVERAGE = "average"


class ThresholdSource(StrEnum):
    """What a model's threshold was chosen on."""

    VALIDATION = "validation"
    OUT_OF_FOLD = "out_of_fold"
    START = "start"
    NONE = "none"


class Arch(StrEnum):
    """The networks that can be trained.

    ``linknet``, ``albunet`` and ``improved-unet`` are those of the source paper;
    ``two-date-linknet`` compares an image with one of an earlier date; the others have the decoders
    of segmentation-models-pytorch.
    """

    LINKNET = "linknet"
    TWO_DATE_LINKNET = "two-date-linknet"
    ALBUNET = "albunet"
    IMPROVED_UNET = "improved-unet"
    UNET = "unet"
    UNET_PLUS_PLUS = "unetplusplus"
    DEEPLAB_V3_PLUS = "deeplabv3plus"
    SEGFORMER = "segformer"
    UPERNET = "upernet"


class FirstLayer(StrEnum):
    """Where the first layer's filters come from for a band that the weights do not know.

    ``mean``: the mean of the known bands' filters; ``red``: the red ones; ``zero``: zeros;
    ``random``: Kaiming-normal draws, as for an untrained layer. Known bands, which are red, green
    and blue for ImageNet, always take their own filters, and ``before_red`` those of red; bands of
    terrain are unknown ones.
    """

    MEAN = "mean"
    RED = "red"
    ZERO = "zero"
    RANDOM = "random"


class Head(StrEnum):
    """What LinkNet's head applies between its transposed and its last convolution.

    ``relu``: ReLU, as in the paper; ``batchnorm``: batch norm, then ReLU; ``leaky``: ReLU with a
    slope of 0.1 below zero; ``silu``: x * sigmoid(x).
    """

    RELU = "relu"
    BATCH_NORM = "batchnorm"
    LEAKY = "leaky"
    SILU = "silu"


class TrainingStrategy(StrEnum):
    """Lightning's strategy of distributed training; ``auto``: ``ddp`` for several processes.

    ``ddp_find_unused_parameters_true`` is for encoders with parameters that no output depends on.
    """

    AUTO = "auto"
    DDP = "ddp"
    DDP_UNUSED = "ddp_find_unused_parameters_true"


class EngineName(StrEnum):
    """What runs a network; ``auto`` is torch where it sees a GPU, else OpenVINO."""

    AUTO = "auto"
    OPENVINO = "openvino"
    TORCH = "torch"
    ONNX = "onnx"


class Precision(StrEnum):
    """Number format that a network runs in; ``auto`` is bf16 where the machine computes in it.

    ``int8`` needs a model folder with a quantised graph, made by ``landslip export --int8``.
    """

    AUTO = "auto"
    BF16 = "bf16"
    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


class Tta(StrEnum):
    """Test-time augmentation: what a network's probabilities are the mean of.

    ``none``: nothing, the network sees an image once; ``flips``: the image as it is, flipped left
    to right, top to bottom, and both, which takes four times the time; ``dihedral``: these and the
    same of its quarter turn, eight times. True is ``flips``, False ``none``.
    """

    NONE = "none"
    FLIPS = "flips"
    DIHEDRAL = "dihedral"

    @classmethod
    def _missing_(cls, value: object) -> "Tta | None":
        return (cls.FLIPS if value else cls.NONE) if isinstance(value, bool) else None


class CalibrationMethod(StrEnum):
    """How probabilities are calibrated.

    ``auto`` is the one with the lowest log loss on tiles that it was not fitted on.
    """

    AUTO = "auto"
    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"


class AtmosphericCorrection(StrEnum):
    """How the atmosphere between ground and sensor is corrected.

    ``toa``: nothing, reflectance at the top of the atmosphere; ``dos``: dark-object subtraction;
    ``6s``: surface reflectance by the 6S radiative transfer code.
    """

    TOA = "toa"
    DOS = "dos"
    SIX_S = "6s"


class PansharpeningMethod(StrEnum):
    """How the detail of the panchromatic band is transferred to the others.

    ``brovey``: weighted Brovey; ``gsa``: Gram-Schmidt adaptive; ``glp``: generalised Laplacian
    pyramid with a filter matched to the sensor's modulation transfer function.
    """

    BROVEY = "brovey"
    GSA = "gsa"
    GLP = "glp"


class DemGapHandling(StrEnum):
    """What happens where an elevation model has no height.

    ``fill``: heights are interpolated from the surroundings; ``nodata``: the scene has no data
    there; ``error``: the elevation model is refused.
    """

    FILL = "fill"
    NODATA = "nodata"
    ERROR = "error"


class CloudHandling(StrEnum):
    """What happens to clouds.

    ``nodata``: the scene has no data there; ``mask``: they are written as a raster beside it.
    """

    NODATA = "nodata"
    MASK = "mask"


class LandslideState(StrEnum):
    """What a slope, or a pixel of it, is on a date.

    ``vegetated``: has not failed; ``fresh``: bare; ``recovering``: growing over; ``recovered``: has
    grown over.
    """

    VEGETATED = "vegetated"
    FRESH = "fresh"
    RECOVERING = "recovering"
    RECOVERED = "recovered"


class StudyPreset(StrEnum):
    """Synthetic terrain imaged on several dates.

    ``wenchuan``: 3584 x 4096 px of 2 m near Wenchuan in 2013, 2014 and 2015, 224 tiles of 256 px a
    date; ``valley``: 1024 x 1536 px of the same kind on the same dates; ``small``: 512 x 640 px on
    two of them; ``recovery``: 2048 x 2048 px on six dates from before an earthquake until five
    years after it, with landslides of all sizes, seasons and clouds; ``recovery-small``: 1024 x
    1024 px of that kind.
    """

    WENCHUAN = "wenchuan"
    VALLEY = "valley"
    SMALL = "small"
    RECOVERY = "recovery"
    RECOVERY_SMALL = "recovery-small"


class ShiftModel(StrEnum):
    """How shifts may change over an image.

    ``shift``: not at all; ``shift+drift``: linearly from row to row; ``affine``: linearly.
    """

    SHIFT = "shift"
    DRIFT = "shift+drift"
    AFFINE = "affine"

    @property
    def needed(self) -> int:
        """How many tie points fix a model."""
        return {"shift": 1, "shift+drift": 2, "affine": 3}[self.value]


class RegistrationMode(StrEnum):
    """Whether the images of a product are registered.

    ``auto``: where they can be matched; where too little can be, they stay where the camera models
    place them, with a warning. ``required``: the product is refused then. ``off``: not at all.
    """

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


class RegistrationModel(StrEnum):
    """How a scene is moved onto another one.

    ``shift``: as a whole; ``affine``: with rotation, scale and shear; ``local``: affine, and a
    smooth field of small displacements besides where one predicts left-out tie points better.
    """

    SHIFT = "shift"
    AFFINE = "affine"
    LOCAL = "local"


class DemTime(StrEnum):
    """Whether an elevation model shows the ground before or after the landslides."""

    BEFORE = "before"
    AFTER = "after"


class SampleAllocation(StrEnum):
    """How the points of a sample are divided among its strata.

    ``optimal``: by area and expected error (Neyman), which gives the smallest standard error;
    ``proportional``: by area; ``equal``: the same number in each.
    """

    OPTIMAL = "optimal"
    PROPORTIONAL = "proportional"
    EQUAL = "equal"


class ReferenceClass(StrEnum):
    """What somebody who looked at a point of a sample found there."""

    LANDSLIDE = "landslide"
    BACKGROUND = "background"
    UNCLEAR = "unclear"


class BufferSide(StrEnum):
    """On which side of the edges of mapped landslides the buffer is.

    ``both``: inside and outside; ``outside``: outside only.
    """

    BOTH = "both"
    OUTSIDE = "outside"
