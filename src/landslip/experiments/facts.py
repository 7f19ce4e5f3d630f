"""What an experiment's report tells of its data sets, divisions and methods."""

from pathlib import Path

from landslip.core.choices import Arch, Split
from landslip.datasets.format import TileDataset
from landslip.experiments.config import DatasetConfig, ExperimentConfig, MethodConfig
from landslip.experiments.divide import Divided
from landslip.experiments.results import DatasetFacts, FoldFacts, MethodFacts, SplitFacts
from landslip.experiments.speed import Costs

_NOTES = {
    Arch.IMPROVED_UNET: "layer widths and normalisation of the published network are not public",
}
_DIVISIONS = {
    "random": "tiles dealt out at random, as in the paper; neighbours may stand on both sides",
    "groups": "tiles dealt out by group, so that a group is never on both sides",
    "blocks": "ground dealt out in blocks with a buffer; a landslide is never on both sides",
    "scene": "a whole scene held out",
    "event": "a whole event held out",
}


def dataset_facts(
    name: str, config: DatasetConfig, dataset: TileDataset, noticed: tuple[str, ...]
) -> DatasetFacts:
    """Tell of a data set; ``noticed`` is what was noticed while it was made."""
    card, index = dataset.card, dataset.index
    return DatasetFacts(
        title=config.title or name,
        source=card.source,
        tiles=len(dataset),
        tile_size=card.tile_size,
        bands=card.bands,
        units=card.units,
        resolution_m=card.resolution_m,
        landslide_share=card.landslide_share,
        pixels_sha256=card.pixels_sha256,
        scenes=_distinct(index.get("scene")) if config.pairs is None else (),
        events=_distinct(index.get("event")) or (config.event or name,),
        notes=noticed,
    )


def _distinct(column: list[str] | None) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in column or ()}))


def split_facts(dataset: str, split: str, divided: Divided) -> SplitFacts:
    """Tell of a division and its folds."""
    method = divided.config.method
    folds = tuple(
        FoldFacts(
            sha256=divided.digest(at),
            tiles={side.value: fold.splits.count(side) for side in Split},
            notes=fold.notes,
        )
        for at, fold in enumerate(divided.folds)
    )
    return SplitFacts(
        dataset=dataset,
        split=split,
        method=method,
        description=_DIVISIONS[method],
        folds=folds,
    )


def method_facts(name: str, config: ExperimentConfig, costs: Costs) -> MethodFacts:
    """Tell of a method and of what it costs."""
    method: MethodConfig = config.methods[name]
    training = config.train_config(name, 0)
    known = {
        key: value for key, value in costs.get(name, {}).items() if key in MethodFacts.model_fields
    }
    if training is None:
        svm = method.svm
        note = (
            f"Gaussian kernel, C = {svm.c:g}, gamma {svm.gamma}, {svm.pixels_per_class} pixels of "
            "each class"
        )
        return MethodFacts.model_validate(
            {"label": config.label_of(name), "arch": "svm", "notes": (note,), **known}
        )
    has_encoder = training.arch is not Arch.IMPROVED_UNET
    transferred = has_encoder and training.encoder_weights != "none"
    return MethodFacts.model_validate(
        {
            "label": config.label_of(name),
            "arch": training.arch.value,
            "encoder": training.encoder if has_encoder else None,
            "transferred": transferred,
            "weights": Path(training.encoder_weights).name if transferred else None,
            "first_layer": training.first_layer.value,
            "notes": (_NOTES[training.arch],) if training.arch in _NOTES else (),
            **known,
        }
    )
