/** The ground: how much was looked at, and the cell that is looked at now. */

import { formatNumber, formatPercent } from "../core/format";
import { t } from "../i18n";
import { ActionButton } from "./ActionButton";
import { ACTIONS } from "./actions";
import { coverage, currentCell, share } from "./coverage";
import { readOnly } from "./session";

export function GroundTab() {
  const { cells, lookedAt, share: part } = share.value;
  const here = currentCell.value?.properties ?? null;
  const size = coverage.value?.cell_m;
  return (
    <>
      <p class="review-hint">{t("review.ground.why")}</p>
      <section aria-live="polite">
        <strong class="number">{t("review.ground.share", { share: formatPercent(part, part < 0.1 ? 1 : 0) })}</strong>
        <progress class="progress" max={1} value={part} aria-label={t("review.ground.share", { share: formatPercent(part) })} />
        <p class="muted number">
          {t("review.ground.cells", { count: lookedAt, total: cells, size: size ? `${formatNumber(size)} m` : "–" })}
        </p>
      </section>
      <article class="review-card" aria-live="polite">
        {here ? (
          <>
            <h3>{t("review.ground.here", { column: here.column + 1, row: here.row + 1 })}</h3>
            <p class="muted">
              {here.looked_at
                ? t("review.ground.here.done", { author: here.author ?? "–" })
                : t("review.ground.here.not")}
            </p>
            {here.unreviewed > 0 && <p class="review-hint">{t("review.ground.here.open", { count: here.unreviewed })}</p>}
          </>
        ) : (
          <p class="muted">{t("review.ground.click")}</p>
        )}
      </article>
      <div class="judge-bar judge-bar-one">
        <ActionButton action={ACTIONS.next} kind="judge" disabled={readOnly.value} />
      </div>
      <p class="muted">{t("review.ground.miss")}</p>
      <div class="tool-bar">
        <ActionButton action={ACTIONS.draw} disabled={readOnly.value} />
        <ActionButton action={ACTIONS.freehand} disabled={readOnly.value} />
        <ActionButton action={ACTIONS.unmark} disabled={!here?.looked_at} />
        <ActionButton action={ACTIONS.ground} pressed />
        <ActionButton action={ACTIONS.peek} />
        <ActionButton action={ACTIONS.before} />
      </div>
      <ul class="ground-legend">
        <li>
          <span class="ground-sign ground-sign-fog" aria-hidden="true" />
          {t("review.ground.fog")}
        </li>
        <li>
          <span class="ground-sign" aria-hidden="true" />
          {t("review.ground.clear")}
        </li>
        <li>
          <span class="ground-sign ground-sign-open" aria-hidden="true" />
          {t("review.ground.open")}
        </li>
      </ul>
      <p class="muted">{t("review.ground.click")}</p>
    </>
  );
}
