/** Which bands of a scene are shown, and how their values become brightness. */

import { api } from "../core/api";
import type { Band, Raster } from "../core/types";

export type Composite = "true" | "false" | "band";

export interface Rendering {
  composite: Composite;
  /** Index of the band that `band` shows, from 1. */
  band: number;
  /** Low and high by band index; bands that are not in it have their percentiles. */
  limits: Readonly<Record<number, readonly [number, number]>>;
  gamma: number;
}

const NAMES: Record<string, readonly string[]> = {
  red: ["red", "r", "pan_red"],
  green: ["green", "g"],
  blue: ["blue", "b"],
  nir: ["nir", "nir1", "nir08", "near_infrared", "n"],
};

function named(raster: Raster, colour: string): Band | undefined {
  return raster.bands.find((band) => NAMES[colour]?.includes(band.name.toLowerCase()));
}

/** Bands of red, green and blue light on the screen; null: the scene has them not. */
function composed(raster: Raster, composite: Composite): number[] | null {
  const colours = composite === "false" ? ["nir", "red", "green"] : ["red", "green", "blue"];
  const found = colours.map((colour) => named(raster, colour)?.index);
  if (found.every((index) => index !== undefined)) return found;
  // Without names: an image of three bands is red, green, blue.
  return composite === "true" && raster.kind === "scene" && raster.bands.length === 3 ? [1, 2, 3] : null;
}

export function composites(raster: Raster): Composite[] {
  const possible = (["true", "false"] as const).filter((one) => composed(raster, one));
  return [...possible, "band"];
}

export function defaultRendering(raster: Raster): Rendering {
  return { composite: composites(raster)[0] ?? "band", band: raster.bands[0]?.index ?? 1, limits: {}, gamma: 1 };
}

/** Indexes of the bands shown: one or three. */
export function shownBands(raster: Raster, rendering: Rendering): number[] {
  if (rendering.composite !== "band") {
    const found = composed(raster, rendering.composite);
    if (found) return found;
  }
  return [rendering.band];
}

export function bandLimits(raster: Raster, rendering: Rendering, index: number): [number, number] {
  const changed = rendering.limits[index];
  if (changed) return [...changed];
  const band = raster.bands.find((one) => one.index === index);
  return band ? [band.low, band.high] : [0, 1];
}

/** Address of the tiles of a scene as it is to be rendered. */
export function sceneTiles(raster: Raster, rendering: Rendering): string {
  const bands = shownBands(raster, rendering);
  return api.rasterTiles(
    raster.id,
    bands,
    bands.map((index) => bandLimits(raster, rendering, index)),
    rendering.gamma === 1 ? undefined : rendering.gamma,
  );
}
