import { expect, it } from "vitest";

import type { PolygonGeometry } from "../core/types";
import { areaM2, contains, crossesItself, meet, outlineProblem, planarArea } from "./geometry";

const square = (x: number, y: number, side: number): PolygonGeometry => ({
  type: "Polygon",
  coordinates: [[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]],
});

it("measures, and distinguishes inside from a hole", () => {
  const holed: PolygonGeometry = { type: "Polygon", coordinates: [...square(0, 0, 4).coordinates, ...square(1, 1, 1).coordinates] as never };
  expect(planarArea(holed)).toBe(15);
  expect([contains(holed, [0.5, 0.5]), contains(holed, [1.5, 1.5])]).toEqual([true, false]);
  // A hundredth of a degree at 60 degrees north: 1.11 km high, half as wide.
  expect(areaM2(square(10, 60, 0.01)) / 1e6).toBeCloseTo(1.1119 * 0.5559, 2);
});

it("says why an outline cannot be saved", () => {
  const bow: PolygonGeometry = { type: "Polygon", coordinates: [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]] };
  expect(crossesItself(bow.coordinates[0]!)).toBe(true);
  expect(outlineProblem(bow)).toBe("crossing");
  expect(outlineProblem({ type: "Polygon", coordinates: [[[0, 0], [1, 1], [0, 0]]] })).toBe("few");
  expect(outlineProblem({ type: "Polygon", coordinates: [...square(0, 0, 2).coordinates, ...square(1, 1, 2).coordinates] as never })).toBe("hole");
  expect(outlineProblem(square(0, 0, 1))).toBe(null);
});

it("finds ground in common, also where no corner is in the other", () => {
  const bar: PolygonGeometry = { type: "Polygon", coordinates: [[[-1, 1], [5, 1], [5, 2], [-1, 2], [-1, 1]]] };
  expect(meet(bar, square(0, 0, 4))).toBe(true);
  expect(meet(square(1, 1, 1), square(0, 0, 4))).toBe(true);
  expect(meet(square(0, 0, 4), square(1, 1, 1))).toBe(true);
  expect(meet(square(5, 5, 1), square(0, 0, 4))).toBe(false);
});
