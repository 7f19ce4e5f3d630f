import { createExpression, featureFilter, v8 } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, it } from "vitest";

import type { Field } from "../core/types";
import {
  formatRange,
  parseRange,
  polygonColours,
  polygonOpacity,
  probabilityColours,
  rangeFilter,
  VERDICT_COLOURS,
} from "./expressions";

const field = (name: string, kind: Field["kind"] = "number"): Field => ({
  name,
  kind,
  unit: null,
  label_en: name,
  label_zh: name,
  minimum: null,
  maximum: null,
});

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

describe("rangeFilter", () => {
  const fields = [field("area_m2"), field("confidence"), field("scene", "text")];
  const passes = (ranges: string[], properties: object) => {
    const filter = rangeFilter(ranges, fields);
    if (filter === null) return true;
    return featureFilter(filter as never, {} as never).filter({ zoom: 10 } as never, { type: 3, properties } as never);
  };

  it.each([
    [["area_m2:100:"], { area_m2: 100 }, true],
    [["area_m2:100:"], { area_m2: 99 }, false],
    [["area_m2::100"], { area_m2: 100 }, true],
    [["area_m2::100"], { area_m2: 101 }, false],
    [["area_m2:1:100", "confidence:0.5:"], { area_m2: 50, confidence: 0.4 }, false],
    [["area_m2:1:100", "confidence:0.5:"], { area_m2: 50, confidence: 0.6 }, true],
    [["confidence:0.5:"], { area_m2: 50 }, true],
    [["scene:1:2"], { scene: "x" }, true],
    [["elsewhere:1:2"], {}, true],
  ])("%j of %j: %s", (ranges, properties, passed) => expect(passes(ranges, properties)).toBe(passed));

  it("reads what it writes, and is null without limits", () => {
    for (const text of ["area_m2:1:2", "area_m2::2", "a:b:1:"]) expect(formatRange(parseRange(text)!)).toBe(text);
    expect(parseRange("area_m2")).toBeNull();
    expect(rangeFilter(["area_m2::"], fields)).toBeNull();
  });
});
