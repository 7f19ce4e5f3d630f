/** Panel: which layers the map shows, and how. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

import { inventory, raster, workspace } from "../core/store";
import type { Raster } from "../core/types";
import { formatPercent } from "../core/format";
import { t } from "../i18n";
import { compareChoice, compareTarget, compareTargets, comparing } from "../map/compare";
import { basemapLayer, change, classLayer, images, probabilityLayer, rastersOf, sceneLayer } from "../map/layerState";
import { mapView } from "../map/mapView";
import { rasterLabel } from "../map/names";
import { targetLabel } from "../map/Swipe";
import { Icon } from "../core/icons";
import { PolygonSection } from "./PolygonSection";
import { SceneStretch } from "./SceneStretch";
import { ThresholdSlider } from "./ThresholdSlider";

export function LayersPanel() {
  if (!workspace.value) return null;
  return (
    <>
      {inventory.value && <PolygonSection />}
      <SceneSection />
      <ProbabilitySection />
      <ClassSection />
      <CompareSection />
      {workspace.value.basemap && (
        <LayerSection
          title={t("layer.basemap")}
          shown={basemapLayer.value.shown}
          onShow={(shown) => change(basemapLayer, { shown })}
        >
          <Opacity value={basemapLayer.value.opacity} onChange={(opacity) => change(basemapLayer, { opacity })} />
        </LayerSection>
      )}
    </>
  );
}

function SceneSection() {
  const shown = raster(sceneLayer.value.id);
  if (images.value.length === 0) return null;
  return (
    <LayerSection
      title={t("layer.scene")}
      shown={sceneLayer.value.shown}
      onShow={(on) => change(sceneLayer, { shown: on })}
      fit={shown}
    >
      <RasterPicker
        label={t("layer.scene")}
        rasters={images.value}
        value={sceneLayer.value.id}
        onChange={(id) => change(sceneLayer, { id, shown: true })}
      />
      {shown && <SceneStretch scene={shown} key={shown.id} />}
      <Opacity value={sceneLayer.value.opacity} onChange={(opacity) => change(sceneLayer, { opacity })} />
    </LayerSection>
  );
}

function ProbabilitySection() {
  const rasters = rastersOf("probability");
  const state = probabilityLayer.value;
  if (rasters.length === 0) return null;
  const id = state.id ?? rasters[0]?.id ?? null;
  return (
    <LayerSection
      title={t("layer.probability")}
      shown={state.shown}
      onShow={(shown) => change(probabilityLayer, { shown, id })}
      fit={raster(id)}
    >
      <RasterPicker
        label={t("layer.probability")}
        rasters={rasters}
        value={id}
        onChange={(chosen) => change(probabilityLayer, { id: chosen, shown: true })}
      />
      <ThresholdSlider />
      <Opacity value={state.opacity} onChange={(opacity) => change(probabilityLayer, { opacity })} />
    </LayerSection>
  );
}

function ClassSection() {
  const rasters = rastersOf("mask", "states");
  const state = classLayer.value;
  if (rasters.length === 0) return null;
  const id = state.id ?? rasters[0]?.id ?? null;
  const title = rasters.some((one) => one.kind === "states") ? "layer.classes" : "layer.mask";
  return (
    <LayerSection
      title={t(title)}
      shown={state.shown}
      onShow={(shown) => change(classLayer, { shown, id })}
      fit={raster(id)}
    >
      <RasterPicker
        label={t(title)}
        rasters={rasters}
        value={id}
        onChange={(chosen) => change(classLayer, { id: chosen, shown: true })}
      />
      <Opacity value={state.opacity} onChange={(opacity) => change(classLayer, { opacity })} />
    </LayerSection>
  );
}

function CompareSection() {
  const target = compareTarget.value;
  if (!target) return null;
  return (
    <LayerSection
      title={t("compare")}
      shown={comparing.value}
      onShow={(shown) => {
        comparing.value = shown;
      }}
    >
      <label class="field">
        <span>{t("compare.right")}</span>
        <select
          value={target.key}
          onChange={(event) => {
            compareChoice.value = event.currentTarget.value;
            comparing.value = true;
          }}
        >
          {compareTargets.value.map((one) => (
            <option key={one.key} value={one.key}>
              {targetLabel(one.target)}
            </option>
          ))}
        </select>
      </label>
    </LayerSection>
  );
}

interface LayerSectionProperties {
  title: string;
  shown: boolean;
  onShow: (shown: boolean) => void;
  children: ComponentChildren;
  /** Raster that its button goes to. */
  fit?: Raster | null;
}

/** A switch, and what can be set while it is on. */
export function LayerSection({ title, shown, onShow, children, fit = null }: LayerSectionProperties) {
  const id = useId();
  return (
    <section class="panel-section layer-section" aria-labelledby={id}>
      <div class="layer-header">
        <label class="switch">
          <input
            type="checkbox"
            role="switch"
            checked={shown}
            onChange={(event) => onShow(event.currentTarget.checked)}
          />
          <span id={id}>{title}</span>
        </label>
        {fit && (
          <button
            type="button"
            class="icon-button"
            aria-label={t("layer.fit", { name: title })}
            title={t("layer.fit", { name: title })}
            onClick={() => mapView.value?.fitTo(fit.bounds)}
          >
            <Icon name="fit" size={18} />
          </button>
        )}
      </div>
      {shown && <div class="layer-body">{children}</div>}
    </section>
  );
}

interface RasterPickerProperties {
  label: string;
  rasters: readonly Raster[];
  value: string | null;
  onChange: (id: string) => void;
}

function RasterPicker({ label, rasters, value, onChange }: RasterPickerProperties) {
  if (rasters.length === 1 && rasters[0]) {
    return <p class="layer-name muted">{rasterLabel(rasters[0])}</p>;
  }
  return (
    <select
      aria-label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {rasters.map((one) => (
        <option key={one.id} value={one.id}>
          {rasterLabel(one)}
        </option>
      ))}
    </select>
  );
}

export function Opacity({ value, onChange, label }: { value: number; onChange: (value: number) => void; label?: string }) {
  return (
    <label class="slider-row">
      <span>{label ?? t("layer.opacity")}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={value}
        aria-valuetext={formatPercent(value)}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
      <output class="number">{formatPercent(value)}</output>
    </label>
  );
}
