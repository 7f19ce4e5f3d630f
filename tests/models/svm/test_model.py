import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.models.svm.conftest import WriteTiles, tile_of

from landslip.core.errors import InputError, ModelError
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import ARRAYS, CARD, SvmModel, SvmSettings, load_svm
from landslip.models.svm.predict import predict_tile


@pytest.fixture
def model(write_tiles: WriteTiles) -> SvmModel:
    """Give an SVM of four bands fitted on two tiles."""
    return fit_svm(write_tiles("gf1", count=2), [0, 1], SvmSettings(c=2.0, seed=4))


def test_comes_back_as_it_was(model: SvmModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    found = load_svm(tmp_path)
    np.testing.assert_array_equal(found.support, model.support)
    np.testing.assert_array_equal(found.coefficients, model.coefficients)
    for name in (
        "bands",
        "normalisation",
        "gamma",
        "intercept",
        "per_class",
        "settings",
        "library",
    ):
        assert getattr(found, name) == getattr(model, name), name
    tile = tile_of("gf1", 9)
    np.testing.assert_array_equal(
        predict_tile(found, tile.stored, tile.valid), predict_tile(model, tile.stored, tile.valid)
    )


def test_predicts_without_the_library_where_no_pixel_is_near_the_boundary(
    model: SvmModel, tmp_path: Path
) -> None:
    """Importing and predicting do not load scikit-learn."""
    model.save(tmp_path)
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "sys.modules['sklearn'] = None;"
        "from landslip.models.svm.model import load_svm;"
        "from landslip.models.svm.predict import predict_tile;"
        f"model = load_svm(Path({str(tmp_path)!r}));"
        "stored = np.full((4, 8, 8), 2500, dtype=np.uint16);"
        "print(predict_tile(model, stored, np.ones((8, 8), dtype=bool)).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(8, 8)\n"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"c": 0.0}, "C of the SVM is a number over 0; got 0.0"),
        ({"c": np.inf}, "C of the SVM is a number over 0; got inf"),
        ({"gamma": -1.0}, "gamma of the SVM is a number over 0 or the word scale; got -1.0"),
        ({"pixels_per_class": 0}, "an SVM needs one pixel of each class or more; got 0"),
    ],
)
def test_settings_are_checked(settings: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        SvmSettings(**settings)  # type: ignore[arg-type]


def test_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"not the folder of an SVM, it has no {CARD}"):
        load_svm(tmp_path)


def test_missing_arrays_are_told(model: SvmModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / ARRAYS).unlink()
    with pytest.raises(ModelError, match=rf"{ARRAYS} is missing; copy it again"):
        load_svm(tmp_path)


def test_changed_arrays_are_told(model: SvmModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    np.savez(tmp_path / ARRAYS, support=model.support, coefficients=-model.coefficients)
    with pytest.raises(ModelError, match="sha256 is not the one"):
        load_svm(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 2}, "SVM files of version 1 and this one has version 2"),
        ({"gamma": "wide"}, "not the description of an SVM"),
        ({"extra": 1}, "not the description of an SVM"),
    ],
)
def test_a_strange_card_is_told(
    model: SvmModel, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    model.save(tmp_path)
    card = tmp_path / CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(ModelError, match=re.escape(told)):
        load_svm(tmp_path)


def test_a_card_that_is_no_json_is_told(model: SvmModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / CARD).write_text("{")
    with pytest.raises(ModelError, match="not the description of an SVM"):
        load_svm(tmp_path)


def test_arrays_that_would_run_code_are_refused(model: SvmModel, tmp_path: Path) -> None:
    """A pickle with a fitting digest is not opened."""
    model.save(tmp_path)
    objects = np.array([{}], dtype=object)
    np.savez(tmp_path / ARRAYS, support=objects, coefficients=objects)
    digest = hashlib.sha256((tmp_path / ARRAYS).read_bytes()).hexdigest()
    card = tmp_path / CARD
    card.write_text(json.dumps(json.loads(card.read_text()) | {"arrays_sha256": digest}))
    with pytest.raises(ModelError, match="not an SVM's arrays"):
        load_svm(tmp_path)
