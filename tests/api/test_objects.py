"""What the API's functions return, and what they refuse."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import torch

import landslip
from landslip.core.errors import InputError, MissingDependencyError, OutputExistsError

BANDS = ["blue", "green", "red", "nir"]


@pytest.fixture(scope="session")
def model(world: Path) -> landslip.TrainedModel:
    """Give a model that has hardly learnt anything."""
    tiles = landslip.datasets.from_scene(
        world / "scene.tif",
        world / "landslides.gpkg",
        out=world / "FEW_TILES",
        tile=64,
        bands=BANDS,
    )
    return landslip.train(
        tiles,
        out=world / "FEW_MODEL",
        encoder="test_resnet",
        encoder_weights="none",
        epochs=4,
        batch_size=4,
        precision="fp32",
    )


@pytest.fixture(scope="session")
def extraction(world: Path, model: landslip.TrainedModel) -> landslip.Extraction:
    scene = landslip.open_scene(world / "scene.tif", bands=BANDS)
    return landslip.extract(scene, model, tile=128, overlap=32)


def test_a_window_has_the_numbers_of_the_whole_scene(
    world: Path, model: landslip.TrainedModel
) -> None:
    with landslip.open_scene(world / "scene.tif", bands=BANDS) as scene:
        whole = model.predict(scene)
        part = model.predict(scene, window=(100, 50, 200, 120))
    assert whole.array.shape == (320, 448)
    assert np.isnan(whole.array[:, :20]).all()
    assert np.isfinite(whole.array[:, 20:]).all()
    np.testing.assert_array_equal(part.array, whole.array[50:170, 100:300])
    assert part.grid.transform.c == whole.grid.transform.c + 100 * 2.0
    assert part.grid.transform.f == whole.grid.transform.f - 50 * 2.0


def test_what_is_predicted_is_what_an_extraction_writes(
    world: Path, model: landslip.TrainedModel
) -> None:
    with landslip.open_scene(world / "scene.tif", bands=BANDS) as scene:
        predicted = model.predict(scene, engine="openvino", precision="fp32")
        extracted = landslip.extract(scene, model, engine="openvino", precision="fp32")
    np.testing.assert_array_equal(predicted.array, extracted.probability.array)
    with rasterio.open(extracted.folder / "probability.tif") as file:
        steps = file.read(1)
    np.testing.assert_allclose(predicted.array[steps != 255], steps[steps != 255] / 250, atol=1e-6)


def test_a_window_outside_the_scene_is_refused(world: Path, model: landslip.TrainedModel) -> None:
    with pytest.raises(InputError, match=r"window is inside the scene of 448 x 320 px"):
        model.predict(world / "2012.tif", window=(400, 0, 100, 100))


def test_a_temporary_result_is_removed_with_its_object(
    world: Path, model: landslip.TrainedModel, tmp_path: Path
) -> None:
    result = landslip.extract(world / "2012.tif", model)
    folder = result.folder
    saved = result.save(tmp_path / "MAP")
    assert sorted(path.name for path in saved.iterdir()) == sorted(
        path.name for path in folder.iterdir()
    )
    del result
    assert not folder.exists()
    assert landslip.Extraction.open(saved).summary.width == 448
    with pytest.raises(OutputExistsError, match=r"already exists; .*overwrite=True"):
        landslip.Extraction.open(saved).save(saved)


def test_an_inventory_of_a_frame_of_polygons(world: Path) -> None:
    frame = geopandas.read_file(world / "landslides.gpkg")
    inventory = landslip.make_inventory(frame, dem=world / "dem.tif", draws=10)
    assert len(inventory.landslides) == len(frame)
    assert inventory.landslides["slope_deg"].notna().all()


def test_what_notebooks_show(
    world: Path, model: landslip.TrainedModel, extraction: landslip.Extraction
) -> None:
    scene = landslip.open_scene(world / "scene.tif", bands=BANDS)
    assert "448 x 320 px" in scene._repr_html_()
    assert "linknet" in model._repr_html_()
    assert "<td" in extraction._repr_html_()
    assert f"{extraction.summary.landslides:,}" in extraction._repr_html_()


def test_an_evaluation_reads_as_a_sentence(world: Path, model: landslip.TrainedModel) -> None:
    evaluation = landslip.evaluate(model, world / "FEW_TILES")
    scores = evaluation.as_dict()
    assert repr(evaluation).startswith(f"Evaluation({scores['tiles']} test tiles at threshold ")
    assert f"recall {scores['recall']:.4f}" in repr(evaluation)


def test_torch_tiles(world: Path, model: landslip.TrainedModel) -> None:
    tiles = landslip.datasets.open(world / "FEW_TILES")
    train = tiles.torch("train")
    assert len(train) == tiles.card.tiles["train"]
    position = tiles.positions(tiles.splits[0].__class__("train"))[0]
    tile, sample = tiles.tile(position), train[0]
    assert sample["tile_id"] == tile.tile_id
    assert sample["image"].dtype == torch.float32
    np.testing.assert_array_equal(
        sample["image"].numpy()[:, tile.valid], tile.stored[:, tile.valid].astype(np.float32)
    )
    assert set(np.unique(sample["mask"].numpy()[~tile.valid])) <= {255}
    np.testing.assert_array_equal(sample["mask"].numpy()[tile.valid], tile.label[tile.valid])
    batches = torch.utils.data.DataLoader(train, batch_size=2)
    assert next(iter(batches))["image"].shape == (2, 4, 64, 64)
    doubled = tiles.torch("train", transform=lambda one: one | {"image": one["image"] * 2})
    torch.testing.assert_close(doubled[0]["image"], sample["image"] * 2)
    with pytest.raises(InputError, match="split is one of train, val, test"):
        tiles.torch("training")


def test_words_that_are_not_known_are_refused_by_the_arguments_name(
    world: Path, model: landslip.TrainedModel
) -> None:
    with pytest.raises(InputError, match=r"engine is one of auto, openvino, .*got 'tensorrt'"):
        model.predict(world / "2012.tif", engine="tensorrt")
    with pytest.raises(InputError, match=r"bands, units and nodata are stated when a scene is"):
        landslip.extract(landslip.open_scene(world / "2012.tif"), model, units="dn")


def test_xarray_is_asked_for_where_it_is_missing(
    world: Path, model: landslip.TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    probability = model.predict(world / "2012.tif", window=(0, 0, 64, 32))
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingDependencyError, match="pip install xarray"):
        probability.to_xarray()


def test_a_data_array_lies_where_the_pixels_lie(world: Path, model: landslip.TrainedModel) -> None:
    xarray = pytest.importorskip("xarray")
    probability = model.predict(world / "2012.tif", window=(10, 20, 64, 32))
    array = probability.to_xarray()
    assert isinstance(array, xarray.DataArray)
    assert array.dims == ("y", "x")
    transform = probability.grid.transform
    assert float(array.x[0]) == transform.c + 1.0
    assert float(array.y[-1]) == transform.f - 2 * 31 - 1.0
    np.testing.assert_array_equal(array.to_numpy(), probability.array)


def test_the_lines_of_the_readme_run(
    world: Path, model: landslip.TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    for name in ("scene.tif", "dem.tif"):
        shutil.copy(world / name, tmp_path)
    shutil.copytree(model.path, tmp_path / "MODEL")
    text = (Path(__file__).parents[2] / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert 8 <= len(block.splitlines()) <= 12
    subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True)
    assert (tmp_path / "page.html").exists()
    assert (tmp_path / "INVENTORY" / "inventory.gpkg").exists()


def test_importing_landslip_imports_nothing_heavy() -> None:
    program = (
        "import sys, landslip; landslip.__all__; dir(landslip);"
        "heavy = {'torch', 'numpy', 'rasterio', 'pandas', 'cv2', 'openvino'} & {*sys.modules};"
        "assert not heavy, heavy; landslip.extract; landslip.open_scene; landslip.make_inventory;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_names_that_are_not_exported() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'extrakt'"):
        landslip.extrakt  # noqa: B018 - asking for it is the test
