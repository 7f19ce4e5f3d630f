import { expect, it } from "vitest";

import type { PolygonGeometry } from "../core/types";
import { Rings } from "./rings";

const geometry: PolygonGeometry = {
  type: "MultiPolygon",
  coordinates: [
    [
      [[0, 0], [10.123456789012, 0], [10, 10], [0, 10], [0, 0]],
      [[1, 1], [1, 2], [2, 2], [1, 1]],
    ],
    [[[20, 0], [21, 0], [21, 1], [20, 0]]],
  ],
};

it("puts together what it took apart, to the last digit", () => {
  const rings = new Rings(geometry, 9);
  expect(rings.places()[0]![1]).toEqual([10.123456789, 0]);
  expect(rings.geometry(rings.places())).toEqual(geometry);
});

it("keeps a moved corner, and drops holes and parts that were deleted", () => {
  const rings = new Rings(geometry, 9);
  const [outer] = rings.places();
  const moved = outer!.map((place, index) => (index === 2 ? [11, 11] : place));
  expect(rings.geometry([moved, undefined, undefined])).toEqual({
    type: "Polygon",
    coordinates: [[[0, 0], [10.123456789012, 0], [11, 11], [0, 10], [0, 0]]],
  });
  expect(rings.geometry([undefined, rings.places()[1], rings.places()[2]])).toEqual({
    type: "Polygon",
    coordinates: geometry.coordinates[1],
  });
  expect(rings.geometry([])).toBe(null);
});
