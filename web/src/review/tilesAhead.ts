/** Tiles of the scene around polygons that come next, got into the browser's memory before they are shown. */

import { effect } from "@preact/signals";

import type { Bounds, Raster } from "../core/types";
import { renderingOf, shownScene } from "../map/layerState";
import { rasterBounds } from "../map/layers/raster";
import { mapView } from "../map/mapView";
import { sceneTiles } from "../map/rendering";
import { details } from "./details";
import { boundsOf, padded } from "./geometry";
import { reviewing, walk } from "./session";
import { mostZoom, ROOM } from "./view";

const POLYGONS = 2;
const MOST_TILES = 24;

export function fetchTilesAhead(): () => void {
  const known = new Set<string>();
  return effect(() => {
    const scene = shownScene.value;
    if (!reviewing.value || !scene) return;
    const next = walk.ahead.value.slice(0, POLYGONS).map(({ id }) => details.known(id));
    const template = sceneTiles(scene, renderingOf(scene));
    const addresses = next.flatMap((polygon) => (polygon ? tilesOf(boundsOf(polygon.geometry), scene, template) : []));
    for (const address of addresses.slice(0, MOST_TILES)) {
      if (known.has(address)) continue;
      known.add(address);
      // Low priority: what is looked at now comes first. The browser keeps the answer.
      fetch(address, { priority: "low" } as RequestInit).catch(() => known.delete(address));
    }
  });
}

function tilesOf(bounds: Bounds, scene: Raster, template: string): string[] {
  const view = mapView.peek();
  const [west, south, east, north] = padded(bounds, ROOM);
  const camera = view?.map.cameraForBounds([[west, south], [east, north]], { padding: 60, maxZoom: mostZoom() });
  if (!view || camera?.zoom === undefined) return [];
  const { minzoom, maxzoom, tileSize } = rasterBounds(scene);
  // MapLibre's zooms are those of tiles of 512 pixels of the page.
  const deeper = Math.log2(512 / tileSize);
  const zoom = Math.min(maxzoom, Math.max(minzoom, Math.round(camera.zoom + deeper)));
  const { clientWidth, clientHeight } = view.map.getContainer();
  const [x, y] = tileAt((west + east) / 2, (south + north) / 2, zoom);
  const scale = 512 * 2 ** (camera.zoom - zoom);
  const [halfX, halfY] = [clientWidth / 2 / scale, clientHeight / 2 / scale];
  const addresses: string[] = [];
  for (let row = Math.floor(y - halfY); row <= Math.floor(y + halfY); row++)
    for (let column = Math.floor(x - halfX); column <= Math.floor(x + halfX); column++)
      addresses.push(template.replace("{z}", String(zoom)).replace("{x}", String(column)).replace("{y}", String(row)));
  return addresses;
}

/** Place of longitude and latitude in tiles of a level, in the Web Mercator scheme. */
export function tileAt(longitude: number, latitude: number, zoom: number): [number, number] {
  const sine = Math.sin((latitude * Math.PI) / 180);
  const y = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
  return [(longitude / 360 + 0.5) * 2 ** zoom, y * 2 ** zoom];
}
