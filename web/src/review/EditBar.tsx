/** Over the map while something is drawn: what to do, and how to end it. */

import { formatArea } from "../core/format";
import { Icon } from "../core/icons";
import { t } from "../i18n";
import { cancel, editing, finish, redoCorner, undoCorner } from "./editing";
import { KeyHint } from "./KeyHint";
import { byOthers } from "./sync";

export function EditBar() {
  const now = editing.value;
  if (!now) return null;
  const hint = now.kind === "draw" && now.freehand ? "freehand" : now.kind;
  const other = now.polygon ? byOthers.value.get(now.polygon.id) : undefined;
  const changedMeanwhile = other !== undefined && now.polygon !== null && other.time > (now.polygon.changed ?? "");
  return (
    <section class="edit-bar" aria-label={t("keys.drawing")}>
      <p role="status">
        {t(`review.editing.${hint}`)}
        {now.area_m2 !== null && <span class="number"> {t("review.editing.area", { area: formatArea(now.area_m2) })}</span>}
      </p>
      {changedMeanwhile && <p class="review-hint">{t("review.editing.other", { author: other.author })}</p>}
      <div class="button-row">
        <button type="button" class="button button-primary" onClick={finish}>
          <Icon name="review" size={16} />
          {t(now.kind === "outline" ? "review.editing.save" : "review.editing.end")}
          <KeyHint name="Enter" />
        </button>
        <button type="button" class="button" onClick={undoCorner}>
          <Icon name="undo" size={16} />
          <span class="edit-bar-word">{t("review.editing.undo")}</span>
          <KeyHint name="Mod+z" />
        </button>
        <button type="button" class="button" onClick={redoCorner} aria-label={t("review.editing.redo")}>
          <Icon name="redo" size={16} />
        </button>
        <button type="button" class="button" onClick={() => cancel()}>
          {t("review.editing.cancel")}
          <KeyHint name="Escape" />
        </button>
      </div>
    </section>
  );
}
