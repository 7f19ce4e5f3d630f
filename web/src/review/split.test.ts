import { describe, expect, it } from "vitest";
import type { Position } from "geojson";

import type { PolygonGeometry } from "../core/types";
import { crossesItself, planarArea, polygonsOf } from "./geometry";
import { splitByLine } from "./split";

const square = (x: number, y: number, side: number): Position[] => [
  [x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y],
];
const polygon = (...rings: Position[][]): PolygonGeometry => ({ type: "Polygon", coordinates: rings });
const areas = (pieces: PolygonGeometry[]) => pieces.map((piece) => +planarArea(piece).toFixed(9));

function conserved(before: PolygonGeometry, pieces: PolygonGeometry[]) {
  const sum = pieces.reduce((area, piece) => area + planarArea(piece), 0);
  expect(Math.abs(sum / planarArea(before) - 1)).toBeLessThan(1e-9);
  for (const piece of pieces)
    for (const rings of polygonsOf(piece)) for (const ring of rings) expect(crossesItself(ring)).toBe(false);
}

describe("splitByLine", () => {
  it("cuts a square in two", () => {
    const pieces = splitByLine(polygon(square(0, 0, 4)), [[1, -1], [1, 5]]);
    expect(areas(pieces)).toEqual([12, 4]);
  });

  it("leaves a polygon whole that the line misses or only enters", () => {
    const whole = polygon(square(0, 0, 4));
    expect(splitByLine(whole, [[9, 0], [9, 4]])).toEqual([whole]);
    expect(splitByLine(whole, [[-1, 2], [3, 2]])).toEqual([whole]);
    expect(splitByLine(whole, [[1, 1], [3, 3]])).toEqual([whole]);
    expect(splitByLine(whole, [[0, -1], [0, 5]])).toEqual([whole]);
  });

  it("gives a piece for each arm of a horseshoe", () => {
    const horseshoe = polygon([[0, 0], [6, 0], [6, 5], [4, 5], [4, 2], [2, 2], [2, 5], [0, 5], [0, 0]]);
    const pieces = splitByLine(horseshoe, [[-1, 3], [7, 3]]);
    expect(areas(pieces)).toEqual([16, 4, 4]);
    conserved(horseshoe, pieces);
  });

  it("keeps a hole in the piece around it, and opens one that is cut", () => {
    const holed = polygon(square(0, 0, 10), [...square(2, 2, 2)].reverse());
    const beside = splitByLine(holed, [[6, -1], [6, 11]]);
    expect(areas(beside)).toEqual([56, 40]);
    expect(beside[0]!.coordinates.length).toBe(2);
    const through = splitByLine(holed, [[3, -1], [3, 11]]);
    expect(areas(through)).toEqual([68, 28]);
    expect(through.every((piece) => piece.coordinates.length === 1)).toBe(true);
  });

  it("takes no bridge to a hole for a cut", () => {
    const holed = polygon(square(0, 0, 10), square(4, 4, 2));
    expect(splitByLine(holed, [[-1, 5], [5, 5]])).toEqual([holed]);
  });

  it("cuts along corners and sides without slivers", () => {
    const pieces = splitByLine(polygon(square(0, 0, 4)), [[0, 0], [4, 4]]);
    expect(areas(pieces)).toEqual([8, 8]);
    const stairs = polygon([[0, 0], [4, 0], [4, 2], [2, 2], [2, 4], [0, 4], [0, 0]]);
    expect(areas(splitByLine(stairs, [[-1, 2], [5, 2]]))).toEqual([8, 4]);
  });

  it("cuts out the loop of a line that crosses itself", () => {
    const whole = polygon(square(0, 0, 10));
    const pieces = splitByLine(whole, [[-1, 4], [6, 4], [6, 7], [3, 7], [3, 3]]);
    expect(areas(pieces)).toEqual([91, 9]);
    conserved(whole, pieces);
  });

  it("keeps untouched parts with the largest piece, and parts what it does not cut", () => {
    const two: PolygonGeometry = { type: "MultiPolygon", coordinates: [[square(0, 0, 4)], [square(9, 0, 2)]] };
    expect(areas(splitByLine(two, [[1, -1], [1, 5]]))).toEqual([16, 4]);
    expect(areas(splitByLine(two, [[7, -1], [7, 5]]))).toEqual([16, 4]);
  });

  it("conserves the area of ragged polygons in degrees, wherever the line goes", () => {
    let state = 7;
    const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 60; round++) {
      const centre: Position = [103.5 + random(), 31.3 + random()];
      const ragged = Array.from({ length: 40 }, (_, i): Position => {
        const radius = (0.4 + 0.6 * random()) * 0.002;
        const angle = (i / 40) * 2 * Math.PI;
        return [centre[0]! + radius * Math.cos(angle), centre[1]! + radius * Math.sin(angle)];
      });
      const hole = Array.from({ length: 12 }, (_, i): Position => {
        const angle = (-i / 12) * 2 * Math.PI;
        return [centre[0]! + 0.0005 * Math.cos(angle), centre[1]! + 0.0005 * Math.sin(angle)];
      });
      const whole = polygon([...ragged, ragged[0]!], [...hole, hole[0]!]);
      const line = Array.from({ length: 5 }, (): Position => [
        centre[0]! + (random() - 0.5) * 0.006, centre[1]! + (random() - 0.5) * 0.006,
      ]);
      const through: Position[] = [[centre[0]! - 0.01, centre[1]!], [centre[0]! + 0.01, centre[1]!], ...line];
      const pieces = splitByLine(whole, through);
      expect(pieces.length).toBeGreaterThan(1);
      conserved(whole, pieces);
    }
  });

  it("repeats the polygon's own corners to the last digit", () => {
    const odd = polygon([[103.123456789012, 31.1], [103.2, 31.1], [103.2, 31.2], [103.123456789012, 31.2], [103.123456789012, 31.1]]);
    const corners = new Set(splitByLine(odd, [[103.15, 31], [103.15, 32]]).flatMap((p) => polygonsOf(p).flat(2)).map((p) => p[0]));
    expect(corners.has(103.123456789012)).toBe(true);
  });
});
