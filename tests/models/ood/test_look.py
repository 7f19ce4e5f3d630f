import time
from dataclasses import fields
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from landslip.core.errors import ModelError
from landslip.models.ood.cloud import Cloud
from landslip.models.ood.look import Look, read_look


def test_a_look_survives_the_round_trip(look: Look, tmp_path: Path) -> None:
    look.write(tmp_path / "look.npz")
    found = read_look(tmp_path / "look.npz")
    assert (found.tiles, found.tile_px, found.layer) == (look.tiles, look.tile_px, look.layer)
    assert np.array_equal(found.pixel_mean, look.pixel_mean)
    assert np.array_equal(found.pixel_axes, look.pixel_axes)
    for name in ("spectral", "feature"):
        ours, theirs = getattr(look, name), getattr(found, name)
        assert all(
            np.array_equal(getattr(ours, part.name), getattr(theirs, part.name))
            for part in fields(Cloud)
        )
    assert (found.features, found.spectral_p99, found.feature_p99) == (
        look.features,
        look.spectral.p99,
        look.feature.p99,
    )


def test_the_same_look_gives_the_same_bytes_whenever_it_is_written(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look.write(tmp_path / "first.npz")
    in_a_year = time.time() + 365 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: in_a_year)
    look.write(tmp_path / "second.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    with ZipFile(tmp_path / "first.npz") as file:
        assert {part.date_time for part in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("cut", [0, 100, -30])
def test_a_truncated_look_is_refused(cut: int, look: Look, tmp_path: Path) -> None:
    look.write(tmp_path / "look.npz")
    whole = (tmp_path / "look.npz").read_bytes()
    (tmp_path / "look.npz").write_bytes(whole[:cut])
    with pytest.raises(ModelError, match=r"look\.npz: missing or damaged; measure it again"):
        read_look(tmp_path / "look.npz")


def test_a_missing_look_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"look\.npz: missing or damaged"):
        read_look(tmp_path / "look.npz")


def test_another_version_is_refused(look: Look, tmp_path: Path) -> None:
    look.write(tmp_path / "look.npz")
    with np.load(tmp_path / "look.npz") as stored:
        parts = dict(stored) | {"version": np.array(2)}
    np.savez(tmp_path / "look.npz", **parts)
    with pytest.raises(ModelError, match="version 1 is read here and this is version 2"):
        read_look(tmp_path / "look.npz")
