/** Style expressions of MapLibre: colours of probability and polygons, and the filter. */

import type { ExpressionSpecification, FilterSpecification } from "maplibre-gl";

import type { FeatureIds, Provenance, Verdict } from "../core/types";
import { colourAt, PLASMA } from "./ramps";

/** Tiles of probability hold it as red; probability = red / 250. */
export const PROBABILITY_ENCODING = {
  encoding: "custom",
  redFactor: 1 / 250,
  greenFactor: 0,
  blueFactor: 0,
  baseShift: 0,
} as const;

/** Half a step of the encoded probability: what is the threshold itself is above it. */
const HALF_STEP = 1 / 500;

/** Colours of probability from the threshold up; what is below is clear. */
export function probabilityColours(threshold: number): ExpressionSpecification {
  const start = Math.max(HALF_STEP, threshold - HALF_STEP);
  const stops: (number | string)[] = [0, "rgba(0, 0, 0, 0)", start, "rgba(0, 0, 0, 0)"];
  stops.push(start + 1e-4, colourAt(start));
  for (const [value, colour] of PLASMA) if (value > start + 1e-3) stops.push(value, colour);
  return ["interpolate", ["linear"], ["elevation"], ...stops] as unknown as ExpressionSpecification;
}

export const VERDICT_COLOURS: Readonly<Record<Verdict, string>> = {
  unreviewed: "#ffd23f",
  accepted: "#38a1ff",
  rejected: "#ff7b39",
};

/** A polygon's verdict: the state set on it, else its own where that holds. In the tiles it is that of
 * an earlier review, which holds until a new one begins. */
const verdictOf = (ownHolds: boolean): ExpressionSpecification =>
  ownHolds
    ? ["coalesce", ["feature-state", "verdict"], ["get", "verdict"], "unreviewed"]
    : ["coalesce", ["feature-state", "verdict"], "unreviewed"];

export type PolygonColour = "confidence" | "verdict" | "state" | "plain";

export interface ClassColour {
  value: string;
  colour: string;
}

export function polygonColours(
  by: PolygonColour,
  classes: readonly ClassColour[] = [],
  ownVerdict = true,
): ExpressionSpecification {
  const verdict: ExpressionSpecification = [
    "match",
    verdictOf(ownVerdict),
    "accepted",
    VERDICT_COLOURS.accepted,
    "rejected",
    VERDICT_COLOURS.rejected,
    VERDICT_COLOURS.unreviewed,
  ];
  if (by === "verdict") return verdict;
  if (by === "confidence") {
    return [
      "case",
      ["==", ["typeof", ["get", "confidence"]], "number"],
      ["interpolate", ["linear"], ["to-number", ["get", "confidence"]], ...PLASMA.flat()],
      VERDICT_COLOURS.unreviewed,
    ] as unknown as ExpressionSpecification;
  }
  if (by === "state" && classes.length > 0) {
    return [
      "match",
      ["to-string", ["get", "state"]],
      ...classes.flatMap((one) => [one.value, one.colour]),
      "#9aa5b1",
    ] as unknown as ExpressionSpecification;
  }
  return ["case", true, VERDICT_COLOURS.unreviewed, VERDICT_COLOURS.unreviewed];
}

/** `whole` where a polygon is to be seen; nothing where it is gone, drawn anew elsewhere, or has
 * another verdict than the filter asks for. Rejected ones are fainter. */
export function polygonOpacity(
  whole: number,
  verdict: Verdict | undefined,
  ownVerdict = true,
): ExpressionSpecification {
  const own = verdictOf(ownVerdict);
  const seen: ExpressionSpecification = ["case", ["==", own, "rejected"], whole * 0.55, whole];
  const asked: ExpressionSpecification = verdict ? ["case", ["==", own, verdict], seen, 0] : seen;
  return ["case", ["boolean", ["feature-state", "hidden"], false], 0, asked];
}

export interface Range {
  column: string;
  low: number | null;
  high: number | null;
}

/** Lines are thinner where polygons are small on the screen, wider under the pointer. */
export function lineWidth(width: number): ExpressionSpecification {
  const at = (share: number): ExpressionSpecification => [
    "case",
    ["boolean", ["feature-state", "selected"], false],
    width + 2,
    ["boolean", ["feature-state", "hovered"], false],
    width + 1.25,
    width * share,
  ];
  return ["interpolate", ["linear"], ["zoom"], 9, at(0.3), 13, at(1)];
}

/** `column:low:high`, as requests have it. */
export function parseRange(text: string): Range | null {
  const [, column, low, high] = /^(.+):([^:]*):([^:]*)$/.exec(text) ?? [];
  if (column === undefined || low === undefined || high === undefined) return null;
  const limit = (value: string) => (value === "" ? null : Number(value));
  return { column, low: limit(low), high: limit(high) };
}

export const formatRange = ({ column, low, high }: Range): string => `${column}:${low ?? ""}:${high ?? ""}`;

/** Filter of polygons: those that were selected by id, of a provenance; null: all. */
export function polygonFilter(
  matches: Pick<FeatureIds, "ids" | "selected"> | null,
  provenance: Provenance | undefined,
): FilterSpecification | null {
  const rules: unknown[] = [];
  if (provenance) rules.push(["==", ["coalesce", ["get", "provenance"], "model"], provenance]);
  if (matches && matches.ids.length > 0) {
    // a "match" looks a number up, "in" would go through all of them
    rules.push(["match", ["get", "id"], matches.ids, matches.selected, !matches.selected]);
  } else if (matches?.selected) rules.push(false);
  return rules.length ? (["all", ...rules] as FilterSpecification) : null;
}
