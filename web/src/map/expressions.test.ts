import { createExpression, featureFilter, v8 } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";

import {
  formatRange,
  parseRange,
  polygonColours,
  polygonFilter,
  polygonOpacity,
  probabilityColours,
  VERDICT_COLOURS,
} from "./expressions";

type Evaluated = { r: number; g: number; b: number; a: number } & number;

/** Value of a colour (`color-relief-color` with an elevation), or of an opacity. */
function evaluate(expression: unknown, properties: object, state: object = {}, elevation?: number): Evaluated {
  const specification =
    elevation !== undefined
      ? v8["paint_color-relief"]["color-relief-color"]
      : typeof expression === "string" || JSON.stringify(expression).includes("#")
        ? v8.paint_fill["fill-color"]
        : v8.paint_fill["fill-opacity"];
  const made = createExpression(expression as never, "test", specification as never);
  if (made.result === "error") throw new Error(made.value.map((one) => one.message).join("; "));
  const feature = { type: 3, properties, id: 1 } as never;
  return made.value.evaluate({ zoom: 10, elevation } as never, feature, state as never) as Evaluated;
}

const colour = (expression: unknown, properties: object = {}, state: object = {}) =>
  String(evaluate(expression, properties, state));

describe("probabilityColours", () => {
  it.each([0, 0.004, 0.3, 0.5, 0.96, 1])("is clear below %d and not from there up", (threshold) => {
    const expression = probabilityColours(threshold);
    const alpha = (value: number) => evaluate(expression, {}, {}, value).a;
    expect(alpha(0)).toBe(0);
    if (threshold > 0.01) expect(alpha(threshold - 1 / 250)).toBe(0);
    if (threshold > 0) expect(alpha(threshold)).toBe(1);
    expect(alpha(1)).toBe(1);
  });

  it("has stops in order at any threshold", () => {
    for (let step = 0; step <= 100; step++) {
      const stops = (probabilityColours(step / 100) as unknown[]).slice(3).filter((_, i) => i % 2 === 0) as number[];
      for (let i = 1; i < stops.length; i++) expect(stops[i]).toBeGreaterThan(stops[i - 1]!);
    }
  });
});

describe("polygons", () => {
  it("are coloured by the verdict of the review before their own", () => {
    const expression = polygonColours("verdict");
    const plain = (value: string) => colour(["to-color", value]);
    expect(colour(expression)).toBe(plain(VERDICT_COLOURS.unreviewed));
    expect(colour(expression, { verdict: "rejected" })).toBe(plain(VERDICT_COLOURS.rejected));
    expect(colour(expression, { verdict: "rejected" }, { verdict: "accepted" })).toBe(plain(VERDICT_COLOURS.accepted));
  });

  it("in tiles have the verdict of an earlier review until a new one begins", () => {
    const plain = (value: string) => colour(["to-color", value]);
    const expression = polygonColours("verdict", [], false);
    expect(colour(expression, { verdict: "accepted" })).toBe(plain(VERDICT_COLOURS.unreviewed));
    expect(colour(expression, { verdict: "accepted" }, { verdict: "rejected" })).toBe(plain(VERDICT_COLOURS.rejected));
    expect(evaluate(polygonOpacity(0.5, "accepted", false), { verdict: "accepted" })).toBe(0);
    expect(evaluate(polygonOpacity(0.5, "accepted"), { verdict: "accepted" })).toBe(0.5);
  });

  it("without confidence are not taken for those of confidence 0", () => {
    const expression = polygonColours("confidence");
    expect(colour(expression)).toBe(colour(["to-color", VERDICT_COLOURS.unreviewed]));
    expect(colour(expression, { confidence: 0 })).not.toBe(colour(expression));
    expect(colour(expression, { confidence: 0 })).not.toBe(colour(expression, { confidence: 1 }));
  });

  it("are not seen when hidden or of another verdict than the filter asks for", () => {
    expect(evaluate(polygonOpacity(0.5, undefined), {})).toBe(0.5);
    expect(evaluate(polygonOpacity(0.5, undefined), {}, { hidden: true })).toBe(0);
    expect(evaluate(polygonOpacity(0.5, "accepted"), {})).toBe(0);
    expect(evaluate(polygonOpacity(0.5, "accepted"), {}, { verdict: "accepted" })).toBe(0.5);
    expect(evaluate(polygonOpacity(0.5, "accepted"), {}, { verdict: "accepted", hidden: true })).toBe(0);
  });
});

describe("polygonFilter", () => {
  const passes = (matches: Parameters<typeof polygonFilter>[0], provenance: Parameters<typeof polygonFilter>[1], properties: object) => {
    const filter = polygonFilter(matches, provenance);
    if (filter === null) return true;
    return featureFilter(filter as never, {} as never).filter({ zoom: 10 } as never, { type: 3, properties } as never);
  };

  it.each([
    [[1, 3], true, 3, true],
    [[1, 3], true, 2, false],
    [[1, 3], false, 3, false],
    [[1, 3], false, 2, true],
    [[], true, 2, false],
    [[], false, 2, true],
  ])("with ids %j, selected %s: polygon %d is shown: %s", (ids, selected, id, shown) =>
    expect(passes({ ids, selected }, undefined, { id })).toBe(shown),
  );

  it("takes polygons without a provenance for the model's", () => {
    expect(passes(null, "model", { id: 1 })).toBe(true);
    expect(passes(null, "drawn", { id: 1 })).toBe(false);
    expect(passes(null, "drawn", { id: 1, provenance: "drawn" })).toBe(true);
    expect(passes({ ids: [1], selected: true }, "drawn", { id: 2, provenance: "drawn" })).toBe(false);
  });

  it("is null without rules, and reads the ranges that it writes", () => {
    expect(polygonFilter(null, undefined)).toBeNull();
    for (const text of ["area_m2:1:2", "area_m2::2", "a:b:1:"]) expect(formatRange(parseRange(text)!)).toBe(text);
    expect(parseRange("area_m2")).toBeNull();
  });

  it("is quick with many ids", () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => 2 * i);
    const filter = featureFilter(polygonFilter({ ids, selected: true }, undefined) as never, {} as never).filter;
    const shown = Array.from({ length: 100_000 }, (_, id) => id).filter((id) =>
      filter({ zoom: 10 } as never, { type: 3, properties: { id } } as never),
    );
    expect(shown).toEqual(ids);
  });
});
