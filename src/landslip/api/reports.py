"""Pages to read, print and hand on."""

from pathlib import Path

from landslip.api.inventories import Inventory, open_inventory
from landslip.api.multitemporal import States
from landslip.api.tracking import Recovery, Tracks, open_tracks
from landslip.core.arguments import PathArgument, checked, choose, optional_path
from landslip.core.choices import Language
from landslip.core.errors import InputError, argument
from landslip.inventory.record import RECORD as INVENTORY
from landslip.multitemporal.tracking.record import RECORD as TRACKS


@checked()
def report(
    source: Inventory | Tracks | PathArgument,
    *,
    out: PathArgument | None = None,
    lang: str = Language.ENGLISH,
    scene: PathArgument | None = None,
    recovery: Recovery | PathArgument | None = None,
    states: States | PathArgument | None = None,
    datum_shift: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one page about an inventory, or about the landslides of several dates.

    Of an inventory: maps, pictures, tables, charts, method and limits. Of histories: the last date
    in sentences, a map, area by state and flows between states, the animation, the histories that
    matter, events with their brackets, recovery, and what is uncertain.

    Args:
        source: from `make_inventory` or `track`, or its folder.
        out: page to write; None: ``report.html`` in the folder, where an earlier one is replaced.
        lang: ``en`` or ``zh``.
        scene: the mapped scene of an inventory, where it has been moved.
        recovery: of the histories, from `landslip.recovery`, or its folder.
        states: of the ground of the histories, from `landslip.states`, or its folder.
        datum_shift: of an inventory, see `make_inventory`; None: the one that it was made with.
        overwrite: replace a page that exists.

    Returns:
        The page.

    Raises:
        InputError: a folder is not what it should be, or an argument is not of this kind of page.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.report("INVENTORY", lang="zh")
        >>> landslip.report("TRACKS", recovery="RECOVERY")
    """
    opened = open_source(source)
    language, page = choose(Language, lang, "lang"), optional_path(out)
    if isinstance(opened, Tracks):
        _refuse(opened.folder, "of an inventory", scene=scene, datum_shift=datum_shift)
        from landslip.reporting.histories import page as histories

        return histories.write_report(
            histories.HistoriesReportRequest(
                folder=opened.folder,
                recovery=_folder(recovery),
                states=_folder(states),
                language=language,
                out=page,
                overwrite=overwrite,
            )
        )
    _refuse(opened.folder, "of histories", recovery=recovery, states=states)
    from landslip.reporting.inventory import page as inventory

    return inventory.write_report(
        inventory.ReportRequest(
            folder=opened.folder,
            language=language,
            scene=optional_path(scene),
            datum_shift=datum_shift,
            out=page,
            overwrite=overwrite,
        )
    )


def open_source(source: Inventory | Tracks | PathArgument) -> Inventory | Tracks:
    """Open what a page can be made of.

    Raises:
        InputError: it is neither an inventory nor histories.
    """
    if isinstance(source, Inventory | Tracks):
        return source
    folder = Path(source)
    if (folder / TRACKS).is_file():
        return open_tracks(folder)
    if not (folder / INVENTORY).is_file():
        if not folder.exists():
            raise InputError(f"{folder}: no such folder; check the name")
        raise InputError(
            f"{folder}: neither an inventory nor histories of landslides, there is no {INVENTORY} "
            f"and no {TRACKS} in it; give a folder that landslip inventory or landslip track wrote"
        )
    return open_inventory(folder)


def _folder(source: Recovery | States | PathArgument | None) -> Path | None:
    return source.folder if isinstance(source, Recovery | States) else optional_path(source)


def _refuse(folder: Path, kind: str, **arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise InputError(
                f"{folder}: {argument(name)} is for the page {kind}, which this is not; leave it "
                "out"
            )
