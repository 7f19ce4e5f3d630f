"""Scene and model of a benchmark: those that are named, or made from the seed."""

import argparse
from pathlib import Path

from extract_parts.contest import tell
from extract_parts.made import SceneForm, make_ground, make_model, write_scene


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let scene and model be named, and say how they are made where they are not."""
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--out", type=Path, help="page to write")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--side", type=int, default=4096, help="of the scene that is made")
    parser.add_argument("--epochs", type=int, default=24, help="of the model that is made")
    parser.add_argument("--seed", type=int, default=0)


def scene_and_model(
    options: argparse.Namespace, work: Path, encoder: str = "resnet18"
) -> tuple[Path, Path]:
    """Take or make scene and model.

    Args:
        options: of `add_options`.
        work: folder for what is made.
        encoder: of the model that is made.
    """
    scene, model = options.scene, options.model
    if scene is None or model is None:
        ground = make_ground(options.seed)
    if scene is None:
        scene = work / "scene.tif"
        write_scene(scene, ground, SceneForm(shape=(options.side, options.side)), options.seed)
    if model is None:
        tell("training a model for the benchmark")
        model = make_model(
            work / "made", ground, encoder=encoder, epochs=options.epochs, seed=options.seed
        )
    return scene, model
