/** The polygon that is judged: what it is, why it is shown, what is known of it. */

import { formatArea, formatPercent, formatTime } from "../core/format";
import type { FeatureDetail, QueueItem } from "../core/types";
import { t } from "../i18n";
import { openTab } from "./actions";
import { areaM2 } from "./geometry";
import { actionName, rowArea, rowConfidence, typeName } from "./names";
import { current, walk } from "./session";
import { byOthers } from "./sync";

export function CurrentCard() {
  const item = walk.current.value;
  const polygon = current.value;
  if (!item) return <Finished />;
  const other = byOthers.value.get(item.id);
  return (
    <article class="review-card" aria-live="polite" aria-atomic="true" aria-busy={polygon === null}>
      <header>
        <span class="dot" data-verdict={polygon?.verdict ?? "unreviewed"} aria-hidden="true" />
        <h3>{t("review.polygon", { id: String(item.id) })}</h3>
        {polygon && <span class="chip">{t(`provenance.${polygon.provenance}`)}</span>}
        {polygon && polygon.verdict !== "unreviewed" && <span class="chip">{t(`verdict.${polygon.verdict}`)}</span>}
      </header>
      {polygon && <Facts polygon={polygon} />}
      <Reasons item={item} />
      {other && (
        <p class="review-hint">
          {t("review.byOther", { author: other.author, action: actionName(other.action) })}
        </p>
      )}
    </article>
  );
}

function Facts({ polygon }: { polygon: FeatureDetail }) {
  const confidence = rowConfidence(polygon);
  return (
    <dl class="review-facts">
      <div>
        <dt>{t("review.area")}</dt>
        <dd class="number">{formatArea(outlineArea(polygon))}</dd>
      </div>
      {confidence !== null && (
        <div>
          <dt>{t("review.confidence")}</dt>
          <dd class="number">{formatPercent(confidence)}</dd>
        </div>
      )}
      {polygon.type && (
        <div>
          <dt>{t("review.type")}</dt>
          <dd>{typeName(polygon.type)}</dd>
        </div>
      )}
      {polygon.note && (
        <div class="review-fact-wide">
          <dt>{t("review.note")}</dt>
          <dd>{polygon.note}</dd>
        </div>
      )}
      {polygon.verdict !== "unreviewed" && polygon.author && polygon.changed && (
        <div class="review-fact-wide muted">
          {t("review.judgedBy", {
            verdict: t(`verdict.${polygon.verdict}`),
            author: polygon.author,
            time: formatTime(polygon.changed),
          })}
        </div>
      )}
    </dl>
  );
}

/** The inventory's own area, as long as the outline is the inventory's. */
function outlineArea(polygon: FeatureDetail): number {
  const area = polygon.provenance === "model" ? rowArea(polygon) : null;
  return area ?? areaM2(polygon.geometry);
}

function Reasons({ item }: { item: QueueItem }) {
  if (item.score === 0 && item.uncertainty === 0 && item.size === 0 && item.novelty === 0) return null;
  return (
    <div class="review-reasons" role="group" aria-label={t("review.reasons")}>
      {(["uncertainty", "size", "novelty"] as const).map((reason) => (
        <div key={reason} class="review-reason">
          <span>{t(`review.reason.${reason}`)}</span>
          <meter min={0} max={1} value={item[reason]} aria-label={t(`review.reason.${reason}`)}>
            {formatPercent(item[reason])}
          </meter>
          <span class="number muted">{formatPercent(item[reason])}</span>
        </div>
      ))}
    </div>
  );
}

function Finished() {
  return (
    <article class="review-card" aria-live="polite">
      <h3>{t("review.finished")}</h3>
      <p>{t("review.finished.why")}</p>
      <button
        type="button"
        class="button button-primary"
        onClick={() => openTab("ground")}
      >
        {t("review.finished.ground")}
      </button>
    </article>
  );
}
