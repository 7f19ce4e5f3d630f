/** Images of a series are shown with the same limits: what differs on the screen differs on the ground. */

import type { Band, Raster, Workspace } from "./types";

export function withCommonLimits(workspace: Workspace): Workspace {
  const limits = new Map<string, Band[]>();
  for (const { dates } of workspace.series) {
    const ids = new Set(dates.flatMap((date) => date.raster_ids));
    const scenes = workspace.rasters.filter((one) => one.kind === "scene" && ids.has(one.id));
    for (const scene of scenes) limits.set(scene.id, commonBands(scene, scenes));
  }
  return {
    ...workspace,
    rasters: workspace.rasters.map((one) => ({ ...one, bands: limits.get(one.id) ?? one.bands })),
  };
}

function commonBands(scene: Raster, scenes: readonly Raster[]): Band[] {
  return scene.bands.map((band) => {
    const same = scenes.flatMap((one) => one.bands.filter((other) => other.name === band.name));
    return {
      ...band,
      low: median(same.map((one) => one.low)),
      high: median(same.map((one) => one.high)),
      minimum: Math.min(...same.map((one) => one.minimum)),
      maximum: Math.max(...same.map((one) => one.maximum)),
    };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
