"""Several products at once, and starting again."""

import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import rasterio

from landslip.core.choices import RegistrationMode
from landslip.core.errors import OutputExistsError
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.map_grid import parse_crs
from landslip.preprocessing.pipeline.run import PreprocessRequest, preprocess

from .conftest import CommandRunner, ProductLibrary


@pytest.fixture
def archives(work: CommandRunner, library: ProductLibrary) -> tuple[Path, Path]:
    """Give copies of two products in a folder of their own."""
    folder = work.folder / "archives"
    folder.mkdir()
    summer, winter = (Path(shutil.copy(one, folder)) for one in (library.summer, library.winter))
    return summer, winter


def test_a_pattern_stands_for_several_products(
    work: CommandRunner, archives: tuple[Path, Path]
) -> None:
    (archives[0].parent / "notes.txt").write_text("nothing")
    result = work.run(archives[0].parent / "GF1_PMS*.tar.gz")
    assert result.exit_code == 0, result.output
    scenes = [work.scene_of(one).path for one in archives]
    assert all(path.is_file() for path in scenes)
    assert all(str(path) in result.stdout for path in scenes)
    assert work.files() == sorted(path.parent.name for path in scenes)


def test_files_may_lie_in_a_folder_inside_the_archive(
    work: CommandRunner, library: ProductLibrary
) -> None:
    nested = work.folder / library.summer.name
    with tarfile.open(library.summer) as source, tarfile.open(nested, "w:gz") as target:
        for member in source:
            content = source.extractfile(member)
            assert content is not None
            member.name = f"order/GF1/{member.name}"
            target.addfile(member, io.BytesIO(content.read()))
    assert work.preprocess(nested).stored.any()


def test_a_bad_product_does_not_keep_others_from_being_made(
    work: CommandRunner, archives: tuple[Path, Path]
) -> None:
    bad = archives[0].with_name(f"A_{archives[0].name}")
    bad.write_bytes(archives[0].read_bytes()[:5000])
    said = work.refused(archives[0].parent)
    assert str(bad) in said
    assert "damaged or incomplete" in said
    assert str(archives[1]) not in said
    assert work.files() == sorted(work.scene_of(one).folder.name for one in archives)


def test_all_bad_products_are_named(work: CommandRunner, archives: tuple[Path, Path]) -> None:
    for path in archives:
        path.write_bytes(path.read_bytes()[:5000])
    said = work.refused(archives[0].parent)
    assert "2 products could not be processed" in said
    assert all(str(path) in said for path in archives)
    assert work.files() == []


def test_a_second_start_goes_on_with_what_is_missing(
    work: CommandRunner, archives: tuple[Path, Path]
) -> None:
    first = work.preprocess(archives[1])
    before = first.path.stat().st_mtime_ns
    result = work.run(*archives)
    assert result.exit_code == 0, result.output
    assert f"{first.path}: exists already" in result.stdout
    assert first.path.stat().st_mtime_ns == before
    assert work.scene_of(archives[0]).path.is_file()
    again = work.run(*archives)
    assert again.stdout.count("exists already") == 2


def test_other_options_are_refused_until_overwriting_is_asked_for(
    work: CommandRunner, archives: tuple[Path, Path]
) -> None:
    made = work.preprocess(archives[0])
    before = made.path.read_bytes()
    said = work.refused(archives[0], "--fusion", "gsa")
    assert str(made.folder) in said
    assert "already exists, made from this product with other options (fusion)" in said
    assert "--overwrite" in said
    assert made.path.read_bytes() == before
    again = work.preprocess(archives[0], "--fusion", "gsa", "--overwrite")
    assert again.quality["fusion"]["method"] == "gsa"
    assert again.path.read_bytes() != before


def test_what_is_not_ours_is_left_alone(work: CommandRunner, library: ProductLibrary) -> None:
    folder = work.scene_of(library.summer).folder
    folder.mkdir(parents=True)
    (folder / "mine.txt").write_text("mine")
    assert "already exists" in work.refused(library.summer)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_all_products_come_onto_the_map_that_is_asked_for(
    work: CommandRunner, archives: tuple[Path, Path]
) -> None:
    result = work.run(*archives, "--crs", "EPSG:32647")
    assert result.exit_code == 0, result.output
    for one in archives:
        with rasterio.open(work.scene_of(one).path) as file:
            assert file.crs.to_epsg() == 32647


def test_a_finished_scene_on_another_map_than_the_first_is_refused(
    work: CommandRunner, library: ProductLibrary
) -> None:
    """As where an earlier run had only this product, and the first one lies in another zone."""
    work.preprocess(library.summer)
    dem = DemRequest(path=library.dem, heights=HeightReference())
    request = PreprocessRequest(dem=dem, registration=RegistrationMode.OFF)
    assert not preprocess(library.summer, work.out, request).is_new
    near = replace(request, common_crs=parse_crs("EPSG:32648"))
    assert not preprocess(library.summer, work.out, near).is_new
    far = replace(request, common_crs=parse_crs("EPSG:32647"))
    with pytest.raises(OutputExistsError, match="made in EPSG:32648 and the scenes before it"):
        preprocess(library.summer, work.out, far)


def test_nothing_found_is_reported(work: CommandRunner) -> None:
    said = work.refused(work.folder / "none_*.tar.gz")
    assert said.startswith(f"landslip: {work.folder}/none_*.tar.gz: no product found")
    assert work.files() == []
