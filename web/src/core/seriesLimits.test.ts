import { expect, it } from "vitest";

import { withCommonLimits } from "./seriesLimits";
import type { Workspace } from "./types";

const raster = (id: string, kind: string, name: string, low: number, high: number) => ({
  id,
  kind,
  bands: [{ index: 1, name, low, high, minimum: low - 1, maximum: high + 1 }],
});

it("gives images of a series the median of their limits, and no others", () => {
  const workspace = {
    rasters: [
      raster("a", "scene", "red", 1, 10),
      raster("b", "scene", "red", 3, 90),
      raster("c", "scene", "red", 2, 20),
      raster("d", "scene", "red", 5, 50),
      raster("e", "states", "state", 0, 3),
    ],
    series: [{ id: "s", name: "s", dates: ["a", "b", "c"].map((id) => ({ date: id, raster_ids: [id, "e"], inventory_ids: [] })) }],
  } as unknown as Workspace;
  const limits = withCommonLimits(workspace).rasters.map(({ bands }) => [bands[0]!.low, bands[0]!.high]);
  expect(limits).toEqual([[2, 20], [2, 20], [2, 20], [5, 50], [0, 3]]);
});
