/** How rasters and inventories are called in lists: short, with their date. */

import { formatDate } from "../core/format";
import type { Raster } from "../core/types";
import { t, tServer } from "../i18n";

const LONGEST = 26;

/** Place below the served folder, without what its kind or its date says already. */
export function shortName(name: string, date: string | null = null): string {
  const parts = name.replace(/\.(tiff?|gpkg|geojson|parquet|shp|vrt)$/i, "").split("/");
  const said = (part: string) =>
    /^(probability|mask|states|landslides|inventory|scene)$/i.test(part) ||
    (date !== null && part.replace(/_?state$/, "") === date);
  while (parts.length > 1 && said(parts.at(-1)!)) parts.pop();
  const last = parts.at(-1) ?? name;
  return last.length > LONGEST ? `${last.slice(0, LONGEST - 9)}…${last.slice(-8)}` : last;
}

/** Name of a band in the chosen language. */
export function bandLabel(name: string): string {
  return tServer(`band.${name}`);
}

export function rasterLabel(raster: Raster): string {
  const name = shortName(raster.name, raster.date);
  const kind = raster.kind === "scene" ? "" : `${t(`raster.${raster.kind}`)} · `;
  return kind + (raster.date ? `${formatDate(raster.date)} · ${name}` : name);
}
