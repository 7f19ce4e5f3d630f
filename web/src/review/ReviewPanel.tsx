/** The review's panel: how far it is, the polygon that is judged, the ground, the history. */

import { Icon } from "../core/icons";
import { Segmented } from "../core/Segmented";
import { formatPercent } from "../core/format";
import { author, inventory } from "../core/store";
import { t } from "../i18n";
import { openTab } from "./actions";
import { GroundTab } from "./GroundTab";
import { HistoryTab } from "./HistoryTab";
import { QueueTab } from "./QueueTab";
import { askingName, pace, readOnly, stage, start, summary } from "./session";
import { outbox } from "./submit";
import { tab, type Tab } from "./tabs";

export function ReviewPanel() {
  const chosen = inventory.value;
  if (!chosen) return <p class="muted">{t("review.none")}</p>;
  if (stage.value !== "ready") return <Start begun={chosen.review !== null} />;
  return (
    <div class="review">
      <Progress />
      <Segmented<Tab>
        label={t("review.tab")}
        value={tab.value}
        choices={(["queue", "ground", "history"] as const).map((value) => ({ value, label: t(`review.tab.${value}`) }))}
        onChange={openTab}
      />
      {tab.value === "queue" && <QueueTab />}
      {tab.value === "ground" && <GroundTab />}
      {tab.value === "history" && <HistoryTab />}
    </div>
  );
}

function Start({ begun }: { begun: boolean }) {
  const starting = stage.value === "starting";
  return (
    <div class="review">
      <p>{t("review.why")}</p>
      {readOnly.value && <p class="review-hint">{t("review.readOnly")}</p>}
      <button type="button" class="button button-primary" disabled={starting} onClick={() => void start()}>
        {t(starting ? "review.starting" : begun ? "review.resume" : "review.begin")}
      </button>
    </div>
  );
}

function Progress() {
  const counted = summary.value;
  if (!counted) return null;
  const { accepted, rejected, unreviewed } = counted.counts;
  const total = accepted + rejected + unreviewed;
  const judged = accepted + rejected;
  const waiting = outbox.waiting.value.length;
  const rate = perMinute(pace.value);
  return (
    <section class="review-progress" aria-label={t("review.progress", { judged, total })}>
      <div class="review-progress-line">
        <strong class="number">{t("review.progress", { judged, total })}</strong>
        <span class="muted number">{total > 0 && formatPercent(judged / total)}</span>
        <button
          type="button"
          class="link review-author"
          aria-label={`${t("review.name.change")}: ${author.value}`}
          title={t("review.name.change")}
          onClick={() => (askingName.value = () => undefined)}
        >
          <Icon name="user" size={14} />
          {author.value}
        </button>
      </div>
      <div class="review-bar" aria-hidden="true">
        <span class="review-bar-accepted" style={{ flexGrow: accepted }} />
        <span class="review-bar-rejected" style={{ flexGrow: rejected }} />
        <span style={{ flexGrow: unreviewed }} />
      </div>
      <div class="review-progress-line muted">
        <span class="number">{t("review.progress.detail", { accepted, rejected, left: unreviewed })}</span>
        {rate !== null && <span class="number">{t("review.pace", { count: rate })}</span>}
      </div>
      <div role="status" class={outbox.offline.value ? "review-offline" : "visually-hidden"}>
        {outbox.offline.value ? (
          <>
            <span>
              {t("review.offline")} {t("review.unsent", { count: waiting })}
            </span>
            <button type="button" class="button button-small" onClick={() => outbox.retry()}>
              {t("review.retry")}
            </button>
          </>
        ) : waiting > 0 ? (
          t("review.unsent", { count: waiting })
        ) : (
          t("review.sent")
        )}
      </div>
    </section>
  );
}

/** Judgements of the last two minutes; null: too few to say. */
function perMinute(times: readonly number[]): number | null {
  const now = Date.now() / 1000;
  const recent = times.filter((time) => now - time < 120);
  const first = recent[0];
  if (first === undefined || recent.length < 4 || now - first < 5) return null;
  return Math.round((recent.length / (now - first)) * 60);
}
