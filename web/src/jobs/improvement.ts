/** The comparison that `landslip improve` writes, as far as it is shown. */

export interface Interval {
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface ModelScores {
  f1: Interval;
  precision: Interval;
  recall: Interval;
  average_precision: Interval;
  landslides: number;
  detected: number;
  found: number;
  false: number;
}

export interface Improvement {
  before: ModelScores;
  after: ModelScores;
  /** F1 after minus before. */
  difference: Interval;
  /** The same with the old model at a threshold chosen anew: what is more than another threshold. */
  beyondThreshold: Interval;
  /** Average precision after minus before. */
  averagePrecision: Interval;
  tiles: number;
  blocks: number;
  verdict: string;
}

/** null: the summary holds no comparison. */
export function improvementOf(summary: Record<string, unknown>): Improvement | null {
  const comparison = (summary["comparison"] ?? summary) as Record<string, unknown>;
  const [before, after] = [comparison["before"], comparison["after"]].map(scoresOf);
  if (!before || !after) return null;
  return {
    before,
    after,
    difference: intervalOf(comparison["f1"]),
    beyondThreshold: intervalOf(summary["beyond_threshold"]),
    averagePrecision: intervalOf(comparison["average_precision"]),
    tiles: numberOf(comparison["tiles"]),
    blocks: numberOf(comparison["blocks"]),
    verdict: String(comparison["verdict"] ?? ""),
  };
}

function scoresOf(value: unknown): ModelScores | null {
  if (typeof value !== "object" || value === null) return null;
  const scores = value as Record<string, unknown>;
  return {
    f1: intervalOf(scores["f1"]),
    precision: intervalOf(scores["precision"]),
    recall: intervalOf(scores["recall"]),
    average_precision: intervalOf(scores["average_precision"]),
    landslides: numberOf(scores["landslides"]),
    detected: numberOf(scores["detected"]),
    found: numberOf(scores["found"]),
    false: numberOf(scores["false"]),
  };
}

function intervalOf(value: unknown): Interval {
  const found = (typeof value === "object" && value !== null ? value : { value }) as Record<string, unknown>;
  const end = (name: string) => (typeof found[name] === "number" ? found[name] : null);
  return { value: end("value"), low: end("low"), high: end("high") };
}

const numberOf = (value: unknown) => (typeof value === "number" ? value : 0);
