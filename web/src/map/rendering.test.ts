import { describe, expect, it } from "vitest";

import type { Raster } from "../core/types";
import { bandLimits, composites, defaultRendering, shownBands } from "./rendering";

function scene(...names: string[]): Raster {
  const bands = names.map((name, i) => ({
    index: i + 1,
    name,
    low: 10 * (i + 1),
    high: 100 * (i + 1),
    minimum: 0,
    maximum: 1000,
  }));
  return { id: "s", name: "s.tif", kind: "scene", bands } as unknown as Raster;
}

describe("bands", () => {
  const bgrn = scene("blue", "green", "red", "nir");

  it("are found by name in any order", () => {
    expect(composites(bgrn)).toEqual(["true", "false", "band"]);
    expect(shownBands(bgrn, { ...defaultRendering(bgrn), composite: "true" })).toEqual([3, 2, 1]);
    expect(shownBands(bgrn, { ...defaultRendering(bgrn), composite: "false" })).toEqual([4, 3, 2]);
    expect(shownBands(bgrn, { ...defaultRendering(bgrn), composite: "band", band: 4 })).toEqual([4]);
  });

  it("without names are red, green and blue if they are three", () => {
    expect(shownBands(scene("band 1", "band 2", "band 3"), defaultRendering(scene("a", "b", "c")))).toEqual([1, 2, 3]);
    expect(composites(scene("band 1", "band 2"))).toEqual(["band"]);
    expect(composites(scene("pan"))).toEqual(["band"]);
  });

  it("have their percentiles as limits until they are changed", () => {
    const rendering = { ...defaultRendering(bgrn), limits: { 3: [5, 50] as const } };
    expect(bandLimits(bgrn, rendering, 3)).toEqual([5, 50]);
    expect(bandLimits(bgrn, rendering, 2)).toEqual([20, 200]);
  });
});
