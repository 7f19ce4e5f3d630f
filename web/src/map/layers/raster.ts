/** Rasters on the map. A new one is put on top of the old one, which goes when the new one is
 * drawn: nothing flickers when the stretch, the bands or the date change. */

import type { LayerSpecification, MapSourceDataEvent, SourceSpecification } from "maplibre-gl";

import type { Raster } from "../../core/types";
import type { Group, MapView } from "../mapView";

const PATIENCE_MS = 4000;

type Layer = Pick<LayerSpecification, "type"> & Partial<LayerSpecification>;

/** One raster of a group, exchanged without a gap. */
export class RasterSlot {
  private current: string | null = null;
  private number = 0;
  private stopWaiting: (() => void) | null = null;

  constructor(
    private readonly view: MapView,
    private readonly group: Group,
    private readonly name: string,
  ) {}

  /** Id of the layer that is shown; null: none. */
  get layer(): string | null {
    return this.current;
  }

  show(source: SourceSpecification, layer: Layer): void {
    const before = this.current;
    const id = `${this.name}-${++this.number}`;
    this.stopWaiting?.();
    this.view.addSource(id, source);
    this.view.addLayer(this.group, { ...layer, id, source: id } as LayerSpecification);
    this.current = id;
    if (before === null) return;
    const map = this.view.map;
    const finish = () => {
      map.off("sourcedata", listen);
      clearTimeout(timer);
      this.stopWaiting = null;
      this.view.removeSource(before);
    };
    const listen = (event: MapSourceDataEvent) => {
      if (event.sourceId === id && map.isSourceLoaded(id)) finish();
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    map.on("sourcedata", listen);
    this.stopWaiting = finish;
  }

  hide(): void {
    this.stopWaiting?.();
    if (this.current !== null) this.view.removeSource(this.current);
    this.current = null;
  }
}

/** Pixels of the screen for one of the page, from which tiles are drawn at half their size. */
const DENSE = 1.5;

/** What the sources of all rasters have in common. Tiles have 512 px: one replaces four of 256, so
 * they are one level less deep than the raster's zooms say. */
export function rasterBounds(raster: Raster) {
  return {
    bounds: raster.bounds,
    minzoom: Math.max(0, raster.min_zoom - 1),
    maxzoom: Math.max(0, raster.max_zoom - 1),
    tileSize: window.devicePixelRatio >= DENSE ? 256 : 512,
  };
}
