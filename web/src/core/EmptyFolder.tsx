/** What is shown instead of the map when there is nothing to show on it. */

import { t } from "../i18n";
import { errorText, notifyError } from "./notify";
import { loadWorkspace, workspace, workspaceError } from "./store";

export function EmptyFolder() {
  const folder = workspace.value;
  const failed = workspaceError.value;
  if (failed && !folder) {
    return (
      <div class="empty" role="alert">
        <h2>{t("empty.failed")}</h2>
        <p>{errorText(failed)}</p>
        <button type="button" class="button button-primary" onClick={() => void loadWorkspace().catch(notifyError)}>
          {t("retry")}
        </button>
      </div>
    );
  }
  if (!folder || folder.rasters.length > 0 || folder.inventories.length > 0) return null;
  return (
    <div class="empty">
      <h2>{t("empty.title", { name: folder.name })}</h2>
      <p>{t("empty.text")}</p>
      <dl class="empty-steps">
        <dt>{t("empty.demo")}</dt>
        <dd>
          <code>landslip demo --out {folder.name}</code>
        </dd>
        <dt>{t("empty.extract")}</dt>
        <dd>
          <code>landslip extract SCENE.tif --model MODEL --out {folder.name}/map</code>
        </dd>
        <dt>{t("empty.inventory")}</dt>
        <dd>
          <code>landslip inventory {folder.name}/map --out {folder.name}/inventory</code>
        </dd>
      </dl>
      <p class="muted">{t("empty.files")}</p>
      <button type="button" class="button button-primary" onClick={() => void loadWorkspace()}>
        {t("empty.again")}
      </button>
    </div>
  );
}
