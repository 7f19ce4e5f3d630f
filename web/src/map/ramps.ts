/** Colours of values from 0 to 1, distinguishable with any colour vision (plasma, of matplotlib). */

export const PLASMA: readonly (readonly [number, string])[] = [
  [0, "#3f0a94"],
  [0.2, "#7e03a8"],
  [0.4, "#b5308b"],
  [0.6, "#dd5e66"],
  [0.8, "#f89540"],
  [1, "#f3ec25"],
];

/** CSS gradient of a ramp from one value to another. */
export function gradient(low = 0, high = 1): string {
  const stops = Array.from({ length: 11 }, (_, i) => colourAt(low + ((high - low) * i) / 10));
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

const channels = (colour: string) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** Colour of a value, between the ramp's. */
export function colourAt(value: number): string {
  const last = PLASMA.length - 1;
  const next = Math.min(last, Math.max(1, PLASMA.findIndex(([stop]) => stop >= value)));
  const [low, from] = PLASMA[value >= 1 ? last - 1 : next - 1]!;
  const [high, to] = PLASMA[value >= 1 ? last : next]!;
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
  const [a, b] = [channels(from), channels(to)];
  return `#${a.map((one, i) => Math.round(one + (b[i]! - one) * share).toString(16).padStart(2, "0")).join("")}`;
}
