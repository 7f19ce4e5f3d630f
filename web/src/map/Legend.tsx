/** What the colours on the map mean. */

import { raster } from "../core/store";
import { isNarrow } from "../core/shell/narrow";
import { persistentFlag } from "../core/storage";
import { t, tServer } from "../i18n";
import { VERDICT_COLOURS } from "./expressions";
import { classLayer, polygonLayer, probabilityLayer, stateClasses } from "./layerState";
import { gradient } from "./ramps";
import { inventory } from "../core/store";

const open = persistentFlag("legend", !isNarrow());

export function Legend() {
  const polygons = inventory.value && polygonLayer.value.shown ? polygonLayer.value.colour : null;
  const classes = classLayer.value.shown ? raster(classLayer.value.id) : null;
  const probability = probabilityLayer.value.shown && probabilityLayer.value.id !== null;
  if ((polygons === null || polygons === "plain") && !classes && !probability) return null;
  return (
    <details
      class="legend map-card"
      open={open.value}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>{t("legend")}</summary>
      <div class="legend-body">
        {polygons === "confidence" && <Ramp title={t("polygons.colour.confidence")} low={0} />}
        {polygons === "verdict" && (
          <Swatches
            title={t("polygons.colour.verdict")}
            items={(["unreviewed", "accepted", "rejected"] as const).map((verdict) => ({
              colour: VERDICT_COLOURS[verdict],
              label: t(`verdict.${verdict}`),
            }))}
          />
        )}
        {polygons === "state" && (
          <Swatches
            title={t("polygons.colour.state")}
            items={stateClasses.value.map((one) => ({ colour: one.colour, label: tServer(`state.${one.value}`) }))}
          />
        )}
        {probability && <Ramp title={t("layer.probability")} low={probabilityLayer.value.threshold} />}
        {classes && (
          <Swatches
            title={t(`raster.${classes.kind}`)}
            items={classes.classes.map((one) => ({ colour: one.colour, label: tServer(one.key) }))}
          />
        )}
      </div>
    </details>
  );
}

function Ramp({ title, low }: { title: string; low: number }) {
  return (
    <div>
      <p>{title}</p>
      <div class="legend-ramp" style={{ background: gradient(low, 1) }} />
      <p class="legend-ends number">
        <span>{low.toFixed(low === 0 ? 0 : 2)}</span>
        <span>1</span>
      </p>
    </div>
  );
}

function Swatches({ title, items }: { title: string; items: { colour: string; label: string }[] }) {
  return (
    <div>
      <p>{title}</p>
      <ul>
        {items.map((one) => (
          <li key={one.label}>
            <span class="swatch" style={{ background: one.colour }} aria-hidden="true" />
            {one.label}
          </li>
        ))}
      </ul>
    </div>
  );
}
