/** How rasters and inventories are called in lists: short, with their date. */

import { formatDate } from "../core/format";
import type { Raster } from "../core/types";
import { t } from "../i18n";

/** Place below the served folder, without what its kind says already. */
export function shortName(name: string): string {
  const parts = name.replace(/\.(tiff?|gpkg|geojson|parquet|shp|vrt)$/i, "").split("/");
  const generic = /^(probability|mask|states|landslides|inventory|scene)$/i;
  while (parts.length > 1 && generic.test(parts.at(-1)!)) parts.pop();
  const last = parts.at(-1) ?? name;
  return last.length > 36 ? `${last.slice(0, 17)}…${last.slice(-16)}` : last;
}

export function rasterLabel(raster: Raster): string {
  const name = shortName(raster.name);
  const kind = raster.kind === "scene" ? "" : `${t(`raster.${raster.kind}`)} · `;
  return kind + (raster.date ? `${formatDate(raster.date)} · ${name}` : name);
}
