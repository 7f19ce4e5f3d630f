"""The reference of the Python API: the names of each page; mkdocstrings reads the sources."""

import landslip

PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "scenes": (
        "Scenes",
        ("open_scene", "Scene", "preprocess", "orthorectify", "register", "pansharpen", "stack"),
    ),
    "tiles": ("Tiles", ("datasets",)),
    "models": (
        "Models",
        (
            "train",
            "load_model",
            "TrainedModel",
            "evaluate",
            "calibrate",
            "predict_tiles",
            "export",
            "run_experiment",
            "convert_weights",
        ),
    ),
    "maps": ("Maps", ("extract", "extract_all", "Extraction", "Probability")),
    "inventories": (
        "Inventories",
        (
            "make_inventory",
            "open_inventory",
            "Inventory",
            "compare",
            "sample",
            "Sample",
            "report",
        ),
    ),
    "review": (
        "Review",
        ("serve", "start_review", "open_review", "Review", "improve", "Improvement"),
    ),
    "dates": (
        "Several dates",
        (
            "series",
            "open_series",
            "track",
            "open_tracks",
            "Tracks",
            "states",
            "States",
            "recovery",
            "Recovery",
        ),
    ),
    "errors": ("Errors", ("LandslipError",)),
}


def python_pages() -> dict[str, str]:
    """Return a page for each part of the API, by its name.

    Raises:
        ValueError: an exported name is on no page.
    """
    placed = {name for _, names in PAGES.values() for name in names}
    missing = set(landslip.__all__) - placed - {"__version__"}
    if missing:
        raise ValueError(f"docs/hooks/python_pages.py has no page for {', '.join(sorted(missing))}")
    return {place: _page(title, names) for place, (title, names) in PAGES.items()}


def _page(title: str, names: tuple[str, ...]) -> str:
    blocks = "\n".join(f"::: landslip.{name}\n" for name in names)
    return f"# {title}\n\n{blocks}"
