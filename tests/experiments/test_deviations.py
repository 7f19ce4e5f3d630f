from pathlib import Path
from typing import Any

from landslip.experiments.config import ExperimentConfig, read_experiment
from landslip.experiments.deviations import paper_deviations
from landslip.experiments.results import DatasetFacts

CONFIGS = Path(__file__).parents[2] / "configs"


def facts(**changes: Any) -> DatasetFacts:
    known = {
        "title": "hills",
        "source": "synthetic terrain",
        "tiles": 224,
        "tile_size": 256,
        "bands": ("blue", "green", "red", "nir"),
        "units": "dn",
        "resolution_m": 2.0,
        "landslide_share": 0.1,
        "pixels_sha256": "0" * 64,
    }
    return DatasetFacts.model_validate(known | changes)


def table(config: ExperimentConfig, **changes: Any) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    found = paper_deviations(config, {"hills": facts(**changes)})
    return {one.setting: (one.paper, one.here, one.where) for one in found}


def test_the_papers_configuration_differs_in_its_data_alone() -> None:
    found = table(read_experiment(CONFIGS / "paper.yaml"))
    assert found.keys() == {"data", "epochs"}
    assert found["epochs"][:2] == ("not stated (40 in the recipe paper)", "144")
    assert len(found["epochs"][2]) == 4  # the networks


def test_what_differs_is_listed_once_with_all_that_have_it() -> None:
    net = {"arch": "linknet", "encoder": "resnet18"}
    config = ExperimentConfig.model_validate(
        {
            "name": "test",
            "datasets": {"hills": {"tiles": "t"}},
            "splits": {
                "groups": {"method": "groups", "folds": 5},
                "random": {"method": "random", "test_share": 0.25, "val_share": 0},
                "inner": {"method": "random", "select": {"folds": 4}},
            },
            "methods": {
                "default": net,
                "best": {
                    **net,
                    "recipe": "best",
                    "training": {"augmentation": {"scale": [0.5, 2], "noise": 0.3}},
                },
                "paper": {**net, "encoder": "resnet50", "recipe": "paper"},
                "svm": {"arch": "svm", "svm": {"c": 2}},
            },
        }
    )
    found = table(config, tile_size=224, bands=("red", "green", "blue"), resolution_m=None)
    assert found["encoder"] == ("resnet50", "resnet18", ("default", "best"))
    assert found["augmentation_mode"] == ("offline", "on_the_fly", ("default", "best"))
    assert found["dice_over"] == ("image", "batch", ("default", "best"))
    assert found["optimizer"] == ("sgd", "adamw", ("best",))
    assert found["augmentation.scale"] == ("1.0 to 1.0", "0.5 to 2.0", ("best",))
    assert found["augmentation.noise"] == ("0.05", "0.3", ("best",))
    assert found["C of the SVM"] == ("1", "2", ("SVM",))
    assert found["division"] == ("random tiles", "groups", ("split groups",))
    assert found["folds"] == ("1", "5", ("split groups",))
    assert found["test_share"] == ("0.2", "0.25", ("split random",))
    inner = ("not stated", "4 folds of the training tiles", ("split inner",))
    assert found["selection"] == inner
    assert found["val_share"] == ("not stated", "0.1", ("split groups",))
    assert found["side of a tile, px"] == ("256", "224", ("hills",))
    assert found["bands"] == ("blue, green, red, nir", "red, green, blue", ("hills",))
    assert "pixel, m" not in found
    assert not any(setting in found for setting in ("steps_per_epoch", "batch_size", "momentum"))
