/** The overlay after verdicts have changed, without asking the server for all of it again. */

import type { ReviewOverlay, Verdict } from "../core/types";

export interface VerdictChange {
  id: number;
  verdict: Verdict;
}

export function withVerdicts(overlay: ReviewOverlay, changes: readonly VerdictChange[], revision?: number): ReviewOverlay {
  if (changes.length === 0) return revision === undefined ? overlay : { ...overlay, revision };
  const verdicts = new Map(changes.map(({ id, verdict }) => [id, verdict]));
  const onTop = new Set<number>();
  const features = overlay.features.features.map((feature) => {
    const id = Number(feature.id ?? feature.properties?.["id"]);
    onTop.add(id);
    const verdict = verdicts.get(id);
    return verdict ? { ...feature, properties: { ...feature.properties, verdict } } : feature;
  });
  const list = (kept: readonly number[], wanted: Verdict) => [
    ...kept.filter((id) => !verdicts.has(id)),
    ...[...verdicts].filter(([id, verdict]) => verdict === wanted && !onTop.has(id)).map(([id]) => id),
  ];
  return {
    ...overlay,
    revision: Math.max(overlay.revision, revision ?? 0),
    features: { ...overlay.features, features },
    verdicts: {
      accepted: list(overlay.verdicts.accepted, "accepted"),
      rejected: list(overlay.verdicts.rejected, "rejected"),
    },
  };
}

/** Whether outlines changed too, so that the overlay has to be got again. */
export function changesOutlines(removed: readonly number[], actions: readonly string[]) {
  return removed.length > 0 || actions.some((action) => !VERDICT_ACTIONS.has(action));
}

const VERDICT_ACTIONS = new Set(["accept", "reject", "reset", "annotate"]);
