import { describe, expect, it } from "vitest";

import { formatPlace, parsePlace } from "./coordinates";

const SECOND = 1 / 3600;

describe("parsePlace", () => {
  it.each([
    ["31.25, 103.5", [103.5, 31.25]],
    ["31.25 103.5", [103.5, 31.25]],
    ["103.5 31.25", [103.5, 31.25]],
    ["31.25N 103.5E", [103.5, 31.25]],
    ["E103.5, N31.25", [103.5, 31.25]],
    ["103.5e 31.25n", [103.5, 31.25]],
    ["-41.5, 174.2", [174.2, -41.5]],
    ["41.5S 71.25W", [-71.25, -41.5]],
    ["31.25°N, 103.5°E", [103.5, 31.25]],
    ["31.25，103.5", [103.5, 31.25]],
    ["−31.25 103.5", [103.5, -31.25]],
  ])("reads decimal degrees: %s", (text, place) => {
    expect(parsePlace(text)).toEqual(place);
  });

  it.each([
    [`31°15'00"N 103°30'00"E`, [103.5, 31.25]],
    [`31°15′36″N, 103°30′E`, [103.5, 31.26]],
    [`31°15'36"S 103°30'W`, [-103.5, -31.26]],
    [`103°30'E 31°15'N`, [103.5, 31.25]],
    [`N31°15' E103°30'`, [103.5, 31.25]],
    [`31° 15' 36" N 103° 30' 0" E`, [103.5, 31.26]],
    [`-31°30' 103°30'`, [103.5, -31.5]],
  ])("reads degrees, minutes and seconds: %s", (text, place) => {
    const found = parsePlace(text);
    expect(found?.[0]).toBeCloseTo(place[0]!, 9);
    expect(found?.[1]).toBeCloseTo(place[1]!, 9);
  });

  it("reads coordinates of the scene's grid", () => {
    // pyproj: EPSG:32648 (356700, 3464200)
    const found = parsePlace("356700 3464200", "EPSG:32648");
    expect(found?.[0]).toBeCloseTo(103.494235, 5);
    expect(found?.[1]).toBeCloseTo(31.303350, 5);
    expect(parsePlace("356700 3464200")).toBeNull();
    expect(parsePlace("356700 3464200", "EPSG:2154")).toBeNull();
  });

  it.each(["", "306", "31.25", "abc", "91.5N 103E", "31°75'N 103°E", "31N 103N", "1 2 3", "200 300", "31.25, 203.5"])(
    "is not misled by %s",
    (text) => expect(parsePlace(text, "EPSG:32648")).toBeNull(),
  );
});

describe("formatPlace", () => {
  it("writes latitude first", () => {
    expect(formatPlace([103.5, 31.25], "decimal")).toBe("31.25000, 103.50000");
  });

  it("carries seconds over to minutes and degrees", () => {
    expect(formatPlace([-103.5 + 0.01 * SECOND, 31.99999999], "sexagesimal")).toBe("32°00′00.0″N 103°30′00.0″W");
  });

  it("is read again", () => {
    const place: [number, number] = [-71.123456, -33.654321];
    const again = parsePlace(formatPlace(place, "sexagesimal"));
    expect(again?.[0]).toBeCloseTo(place[0], 4);
    expect(again?.[1]).toBeCloseTo(place[1], 4);
    const inGrid = parsePlace(formatPlace([103.5, 31.25], "grid", "EPSG:32648").replace(/ \(.*/, ""), "EPSG:32648");
    expect(inGrid?.[0]).toBeCloseTo(103.5, 4);
  });
});
