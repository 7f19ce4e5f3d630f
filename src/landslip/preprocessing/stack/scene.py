"""A scene with bands of other sources, computed where they are read."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from landslip.core.arguments import BandsArgument, PathArgument, optional_path, parse_bands
from landslip.core.bands import BEFORE, TERRAIN_UNITS, Bands, Radiometry, after_name
from landslip.core.errors import InputError, argument
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.fingerprint import Fingerprint, scene_fingerprint
from landslip.io.raster.location import Location
from landslip.io.raster.scene import marking_nodata
from landslip.io.raster.validity import Stored, Valid, output_nodata
from landslip.preprocessing.stack.encoding import terrain_radiometry

if TYPE_CHECKING:  # of what aligns images and derives terrain, most scenes need nothing
    from landslip.preprocessing.stack.before import BeforeAlignment, BeforeBands
    from landslip.preprocessing.stack.terrain import TerrainBands

_LEAST_SEEN_SHARE = 0.01
DEFAULT_TERRAIN = ("slope", "northness", "eastness", "curvature")


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSources:
    """The other sources of a scene's bands.

    Attributes:
        dem: elevation model; None: no terrain.
        terrain: the bands derived from it.
        before: image of an earlier date; None: none.
        missing: bands of an earlier date that no image gives, and that are missing everywhere.
        alignment: how it is read; None: measured when the scene is opened.
        bears_gaps: whether an image before may see almost nothing of the scene. Its bands are then
            missing everywhere; else it is refused.
    """

    dem: Path | None = None
    terrain: tuple[str, ...] = DEFAULT_TERRAIN
    before: Path | None = None
    alignment: "BeforeAlignment | None" = None
    missing: tuple[str, ...] = ()
    bears_gaps: bool = False

    def __post_init__(self) -> None:
        unknown = [name for name in self.terrain if name not in TERRAIN_UNITS]
        if unknown or not self.terrain:
            raise InputError(
                f"{argument('terrain')} names bands among {', '.join(TERRAIN_UNITS)}; got "
                f"{', '.join(self.terrain) or 'none'}"
            )
        if len({"northness", "eastness"} & set(self.terrain)) == 1:
            raise InputError(
                f"{argument('terrain')}: northness and eastness are the two parts of one "
                f"direction; take both or none, got {', '.join(self.terrain)}"
            )

    @classmethod
    def stated(
        cls,
        dem: PathArgument | None,
        terrain: BandsArgument | None,
        before: PathArgument | None,
    ) -> "StackSources":
        """Return what a caller states; terrain None is slope, northness, eastness and curvature.

        Raises:
            InputError: a terrain band is unknown, or stated without an elevation model.
        """
        if terrain is not None and dem is None:
            raise InputError(f"{argument('terrain')} needs an elevation model, {argument('dem')}")
        names = DEFAULT_TERRAIN if terrain is None else parse_bands(terrain, "terrain").names
        return cls(dem=optional_path(dem), terrain=names, before=optional_path(before))

    @property
    def files(self) -> dict[str, Path]:
        """The files by the names of their arguments."""
        named = {"dem": self.dem, "before": self.before}
        return {name: path for name, path in named.items() if path is not None}

    def for_bands(self, bands: Bands, *, bears_gaps: bool = False) -> "StackSources":
        """Return the sources that some bands, such as a model's, are of.

        Of bands that may have gaps, those of an earlier date may be missing altogether.
        """
        terrain = tuple(name for name in bands if name in TERRAIN_UNITS)
        earlier = tuple(name for name in bands if name.startswith(BEFORE))
        return replace(
            self,
            dem=self.dem if terrain else None,
            terrain=terrain or DEFAULT_TERRAIN,
            before=self.before if earlier else None,
            missing=earlier if bears_gaps and self.before is None else (),
            bears_gaps=bears_gaps,
        )

    def absolute(self) -> "StackSources":
        """Return the same, with paths that hold in any folder."""
        files = {name: path.absolute() for name, path in self.files.items()}
        return replace(self, dem=files.get("dem"), before=files.get("before"))


class StackedScene(Scene):
    """A scene with terrain bands and bands of an earlier date after its own.

    They are stored as its own bands are, in the same data type. A pixel is valid where the scene's
    own bands are; values that other sources miss there are marked in their band.
    """

    def __init__(
        self, place: Location | Path | str, options: SceneOptions | None, sources: StackSources
    ) -> None:
        """Open a scene and its other sources.

        Bands that the file has itself are read from it.

        Raises:
            InputError: one cannot be read, or does not cover the scene.
        """
        super().__init__(place, options)
        self._terrain: TerrainBands | None = None
        self._before: BeforeBands | None = None
        self._in_file = in_file = self.bands
        without = message("stack.no_before")
        try:
            if sources.dem is not None:
                self._terrain = self._open_terrain(sources.dem)
            if sources.before is not None:
                self._before, sources, without = self._open_before(sources.before, sources)
        except InputError:
            self.close()
            raise
        dtype = self.radiometry.dtype
        fill = output_nodata(dtype, self.nodata)
        each = dict(zip(in_file, self.radiometry.each(len(in_file)), strict=True))
        own, notes = dict(each), list(self.validity.notes)
        if self._terrain is not None:
            notes += self._terrain.notes
            for name in sources.terrain:
                each.setdefault(name, terrain_radiometry(name, dtype, fill))
        if self._before is not None:
            notes += self._before.alignment.notes
            for band, name in zip(self._before.alignment.bands, self._before.names, strict=True):
                each.setdefault(name, replace(own[band], nodata=marking_nodata(fill, dtype)))
        lost = [name for name in sources.missing if name not in each and after_name(name) in own]
        if lost:
            notes.append(without)
            for name in lost:
                each[name] = replace(own[after_name(name)], nodata=marking_nodata(fill, dtype))
        self.sources = replace(
            sources, alignment=None if self._before is None else self._before.alignment
        )
        self.validity = replace(self.validity, notes=tuple(notes))
        self._each = each
        self.bands = Bands(tuple(each))
        self.radiometry = Radiometry.of_bands(dtype, list(each.values()))

    def _open_terrain(self, dem: Path) -> "TerrainBands":
        from landslip.preprocessing.stack.terrain import TerrainBands

        return TerrainBands(dem, self.grid)

    def _open_before(
        self, path: Path, sources: StackSources
    ) -> "tuple[BeforeBands | None, StackSources, Message]":
        """Open an image before; without it, and with sources without it, if it sees almost nothing.

        The message is of bands that are missing then.

        Raises:
            InputError: it does not suit the scene, or its bands may not be missing.
        """
        if path.resolve() == Path(str(self.path)).resolve():
            raise InputError(
                f"{path}: an image before is of an earlier date, and this is the scene itself; "
                f"choose another for {argument('before')}, or leave it out"
            )
        from landslip.preprocessing.stack.before import open_before

        before = open_before(path, self, sources.alignment)
        share = before.alignment.seen_share
        if not share < _LEAST_SEEN_SHARE:  # not a number where nothing of the scene is valid
            return before, sources, message("stack.no_before")
        before.close()
        if sources.bears_gaps:
            left = replace(sources, before=None, missing=before.names)
            return None, left, message("stack.before_unseen", share=share)
        raise InputError(
            f"{path}: an image before sees at least {_LEAST_SEEN_SHARE:.0%} of the scene's valid "
            f"pixels; this one sees {share:.2%}. Choose another, check its nodata value, or leave "
            f"{argument('before')} out"
        )

    def read(self, window: Window, bands: Bands | None = None) -> tuple[Stored, Valid]:
        """Read stored numbers (bands, height, width) and the valid mask (height, width).

        See `Scene.read`; the mask is of the bands read from the scene's file, of all where none is.
        """
        wanted = bands or self.bands
        self.bands.positions_of(wanted)
        of_file = [name for name in wanted if name in self._in_file.names]
        stored, valid = super().read(window, Bands(tuple(of_file)) if of_file else self._in_file)
        if len(of_file) == len(wanted):
            return stored, valid
        layers = dict(zip(of_file, stored, strict=False))
        terrain = [name for name in wanted if name not in layers and name in TERRAIN_UNITS]
        if terrain and self._terrain is not None:
            layers |= self._encoded(terrain, self._terrain.read(window, terrain), valid)
        earlier = [name for name in wanted if name not in layers]
        if earlier:
            names = tuple(map(after_name, earlier))
            values = np.full((len(names), *window.shape), np.nan, dtype=np.float32)
            if self._before is not None:
                values = self._before.read(window, names)
            layers |= self._encoded(earlier, values, valid)
        return np.stack([layers[name] for name in wanted]), valid

    def _encoded(self, names: list[str], values: Stored, valid: Valid) -> dict[str, Stored]:
        values[:, ~valid] = np.nan
        dtype = self.radiometry.dtype
        return {
            name: self._each[name].stored(value, dtype)
            for name, value in zip(names, values, strict=True)
        }

    def close(self) -> None:
        """Close all files."""
        for source in (self._terrain, self._before):
            if source is not None:
                source.close()
        super().close()


def open_stack(
    place: Location | Path | str,
    options: SceneOptions | None = None,
    sources: StackSources | None = None,
) -> Scene:
    """Open a scene, with bands of other sources if there are any.

    Raises:
        InputError: see `StackedScene`.
    """
    if sources is None or not (sources.files or sources.missing):
        return Scene(place, options)
    return StackedScene(place, options, sources)


def stack_fingerprint(place: Location | Path | str, sources: StackSources) -> Fingerprint:
    """Return what changes when a scene or one of its other sources does.

    See `landslip.io.raster.fingerprint.scene_fingerprint`.
    """
    known = scene_fingerprint(place)
    for name, path in sources.files.items():
        own = scene_fingerprint(path).items()
        known |= {f"{name} {key}": value for key, value in own}
    return known


def sources_of(scene: Scene) -> StackSources:
    """Return a scene's other sources; of an image before, with how it is read."""
    return scene.sources if isinstance(scene, StackedScene) else StackSources()
