import { expect, it } from "vitest";

import { gridOf } from "./projection";

// Easting and northing by pyproj.
const PLACES: [string, [number, number], [number, number]][] = [
  ["EPSG:32648", [103.5, 31.25], [357168.2620, 3458278.8196]],
  ["EPSG:32719", [-70.5, -33.2], [360186.8005, 6325538.4191]],
  ["EPSG:4543", [103.1, 31.0], [605057.7418, 3431493.7698]],
  ["EPSG:4524", [107.7, 28.0], [36470491.3637, 3098478.0158]],
  ["EPSG:32633", [17.9, 68.3], [619625.4664, 7579125.8555]],
  ["EPSG:3857", [103.5, 31.25], [11521567.2971, 3665259.1407]],
  ["EPSG:32601", [-179.5, -0.5], [221734.2217, -55318.0400]],
];

it.each(PLACES)("%s at %j", (crs, place, expected) => {
  const grid = gridOf(crs)!;
  const [x, y] = grid.forward(place);
  expect(x).toBeCloseTo(expected[0], 2);
  expect(y).toBeCloseTo(expected[1], 2);
  const [longitude, latitude] = grid.inverse(...expected);
  expect(longitude).toBeCloseTo(place[0], 8);
  expect(latitude).toBeCloseTo(place[1], 8);
});

it("knows no other grids", () => {
  for (const crs of [null, "", "EPSG:4326", "EPSG:2154", "EPSG:32661"]) expect(gridOf(crs)).toBeNull();
});
