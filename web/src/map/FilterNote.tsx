/** How many polygons the filter leaves on the map, where the table does not say it. */

import { bottomPanel } from "../core/shell/panels";
import { filter, filtering, inventory } from "../core/store";
import { t } from "../i18n";
import { total } from "../table/rows";

export function FilterNote() {
  if (!filtering.value || !inventory.value || bottomPanel.value === "table") return null;
  return (
    <div class="filter-note map-card">
      <span class="number" role="status">
        {t("polygons.filtered", { count: total.value, all: inventory.value.count })}
      </span>
      <button
        type="button"
        class="button button-small"
        onClick={() => {
          filter.value = {};
        }}
      >
        {t("filter.reset")}
      </button>
    </div>
  );
}
