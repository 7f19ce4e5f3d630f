"""The torch engine: windows as scenes hold them, on the CPU and, where there is one, on a GPU."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from landslip.core.bands import Radiometry
from landslip.core.choices import Arch, EngineName, Precision, Units
from landslip.core.errors import InputError
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.engines.torch import TorchEngine, fold_batch_norm
from landslip.models.folder import ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.weights import load_network

SHAPE = (64, 96)
MEAN, STD = (100.0, 90.0, 80.0, 70.0), (20.0, 25.0, 30.0, 35.0)
BANDS = ("blue", "green", "red", "nir")
on_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is taken where there is one")


def window_spec(dtype: str, scale: float = 1.0, offset: float = 0.0) -> WindowSpec:
    radiometry = Radiometry(units=Units.DN, dtype=dtype, scale=scale, offset=offset)
    normalisation = Normalisation(radiometry=radiometry, mean=MEAN, std=STD)
    return WindowSpec(shape=SHAPE, normalisation=normalisation)


def expected_levels(
    model: ModelFolder, spec: WindowSpec, stored: NDArray[np.generic], valid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return 250 times the probability, not rounded, by the plain network."""
    pixels = torch.from_numpy(spec.normalisation.apply(stored, valid)[np.newaxis])
    with torch.inference_mode():
        probability = torch.sigmoid(load_network(model).eval()(pixels))[0, 0]
    result: NDArray[np.float64] = probability.double().numpy() * PROBABILITY_LEVELS
    return result


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [
        ("uint8", 1.0, 0.0),
        ("int8", 2.0, 10.0),
        ("uint16", 1 / 256, 0.0),  # up to 65535: half of them are negative as 16 bits with sign
        ("int16", 1 / 128, 10.0),
        ("uint32", 2.0**-24, 0.0),
        ("int32", 2.0**-24, 50.0),
        ("float32", 1.0, 0.0),
        ("float64", 1.0, 0.0),
    ],
)
def test_every_stored_type_is_normalised_as_elsewhere(
    dtype: str, scale: float, offset: float, trained: ModelFolder
) -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(0, 0.5, (4, *SHAPE))
    values[:, 16:48, 16:64] += 3
    values = values * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]
    stored = (values - offset) / scale
    if not dtype.startswith("float"):
        stored = stored.round().clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    stored = stored.astype(dtype)
    valid = generator.random(SHAPE) > 0.1
    stored[:, ~valid] = np.finfo(dtype).min if dtype.startswith("float") else np.iinfo(dtype).max
    spec = window_spec(dtype, scale, offset)
    found = TorchEngine(trained, Precision.FP32).runner(spec).run(stored, valid)
    expected = expected_levels(trained, spec, stored, valid)
    assert found.dtype == np.uint8
    assert found.shape == SHAPE
    assert np.ptp(expected) > 50
    assert np.abs(found - expected).max() < 0.51


def test_what_is_not_finite_stays_in_its_pixel(trained: ModelFolder) -> None:
    spec, valid = window_spec("float32"), np.ones(SHAPE, dtype=np.bool_)
    stored = np.random.default_rng(2).normal(100, 40, (4, *SHAPE)).astype(np.float32)
    valid[3, 4] = False
    runner = TorchEngine(trained, Precision.FP32).runner(spec)
    found = []
    for fill in (0.0, np.nan, np.inf):
        stored[:, 3, 4] = fill
        found.append(runner.run(stored, valid))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("streams", [1, 3])
def test_windows_at_once_are_those_one_after_the_other(streams: int, trained: ModelFolder) -> None:
    spec, valid = window_spec("uint8"), np.ones(SHAPE, dtype=np.bool_)
    windows = np.random.default_rng(3).integers(0, 200, (9, 4, *SHAPE)).astype(np.uint8)
    windows.flags.writeable = False
    runner = TorchEngine(trained, Precision.FP32).runner(spec, streams)
    assert runner.streams == streams
    one_by_one = [runner.run(window, valid) for window in windows]
    assert not np.array_equal(one_by_one[0], one_by_one[1])
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda window: runner.run(window, valid), windows))
    for first, second in zip(one_by_one, at_once, strict=True):
        assert np.array_equal(first, second)


@on_cpu
def test_what_suits_a_cpu(trained: ModelFolder) -> None:
    engine = TorchEngine(trained, Precision.FP32)
    assert engine.runner(window_spec("uint8")).streams == 1
    with pytest.raises(InputError, match=r"precision=.fp16.: torch supports it on GPUs only"):
        TorchEngine(trained, Precision.FP16)


@on_cpu
@pytest.mark.parametrize(
    ("precision", "measured"), [(Precision.FP32, 345), (Precision.BF16, 215)], ids=str
)
def test_memory_is_not_below_what_was_measured(
    precision: Precision, measured: int, trained: ModelFolder
) -> None:
    """Peak of the resident set of this network for windows of 1024 x 1024 px."""
    costs = TorchEngine(trained, precision).costs()
    assert 0.9 * measured < costs.computing_bytes_per_px < 1.5 * measured
    assert costs.resident_bytes > (trained.path / "weights.safetensors").stat().st_size


@pytest.mark.parametrize("arch", [Arch.LINKNET, Arch.UNET, Arch.IMPROVED_UNET], ids=str)
def test_folding_takes_every_batch_norm_and_keeps_the_logits(arch: Arch) -> None:
    network = _with_statistics(Architecture(arch=arch, encoder="resnet18", bands=BANDS))
    image = torch.randn(1, 4, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network(image)
        found = fold_batch_norm(network)(image)
    left = sum(isinstance(layer, nn.BatchNorm2d) for layer in fold_batch_norm(network).modules())
    assert left == 0
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))


def test_a_convolution_used_twice_keeps_its_batch_norms() -> None:
    network = _Shared().eval()
    image = torch.ones(1, 1, 2, 2)
    assert torch.equal(fold_batch_norm(network)(image), torch.full((1, 1, 2, 2), 10.0))


def test_a_network_that_looks_at_its_input_is_left_alone() -> None:
    network = build_network(Architecture(arch=Arch.DEEPLAB_V3_PLUS, encoder="resnet18"))
    assert fold_batch_norm(network.eval()) is network


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(
    ("precision", "bound"),
    [(Precision.FP32, 1.0), (Precision.BF16, 12.0), (Precision.FP16, 2.0)],
    ids=str,
)
def test_windows_on_a_gpu(precision: Precision, bound: float, trained: ModelFolder) -> None:
    spec, valid = window_spec("uint16", scale=1 / 256), np.ones(SHAPE, dtype=np.bool_)
    generator = np.random.default_rng(4)
    windows = generator.integers(0, 65535, (8, 4, *SHAPE), dtype=np.uint16)
    runner = open_engine(trained, EngineName.TORCH, precision).runner(spec)
    assert runner.streams == 2
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda window: runner.run(window, valid), windows))
    again = open_engine(trained, EngineName.TORCH, precision).runner(spec)
    for window, steps in zip(windows, found, strict=True):
        assert np.abs(steps - expected_levels(trained, spec, window, valid)).max() < bound
        assert np.array_equal(steps, again.run(window, valid))


class _Shared(nn.Module):
    """One convolution, which doubles, before two batch norms."""

    def __init__(self) -> None:
        super().__init__()
        self.doubling = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.constant_(self.doubling.weight, 2.0)
        self.norms = nn.ModuleList(nn.BatchNorm2d(1, eps=0.0) for _ in range(2))
        self.norms[0].weight = nn.Parameter(torch.tensor([4.0]))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first, second = self.norms
        result: torch.Tensor = first(self.doubling(image)) + second(self.doubling(image))
        return result


def _with_statistics(architecture: Architecture) -> nn.Module:
    """Return a network whose batch norms change what they take."""
    network, generator = build_network(architecture), torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor, least in ((layer.weight, 0.5), (layer.bias, -0.2)):
                tensor.data.uniform_(least, least + 1.0, generator=generator)
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.uniform_(-0.5, 0.5, generator=generator)
            layer.running_var.uniform_(0.5, 2.0, generator=generator)
    return network.eval()
