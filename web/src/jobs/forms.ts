/** What each kind of job asks for, with its defaults. */

import type { Inventory, JobKind, JobRequest, Model, Raster, Sample, Workspace } from "../core/types";
import type { Key } from "../i18n";
import type { Prefill } from "./prefill";

export type InputName = "scene_id" | "model_id" | "inventory_id" | "sample_id";

export interface InputField {
  name: InputName;
  label: Key;
  /** Whether the job can be made without. */
  optional?: boolean;
}

export type OptionField = { name: string; label: Key; help?: Key; advanced?: boolean } & (
  | { kind: "number"; initial: string; step: string; minimum: number; unit?: string }
  | { kind: "flag"; initial: boolean }
  | { kind: "words"; initial: string; words: readonly { value: string; label: Key }[] }
  | { kind: "date"; initial: string }
  | { kind: "text"; initial: string; example: string }
  /** A raster of the workspace: `dem` of one band, elevation models first; `scene` any scene. */
  | { kind: "raster"; of: "dem" | "scene"; initial: string }
);

interface JobForm {
  inputs: readonly InputField[];
  options: readonly OptionField[];
}

const scene: InputField = { name: "scene_id", label: "jobs.scene" };
const model: InputField = { name: "model_id", label: "jobs.model" };
const inventory: InputField = { name: "inventory_id", label: "jobs.inventory" };
const sample: InputField = { name: "sample_id", label: "jobs.sample", optional: true };

const minArea: OptionField = {
  name: "min_area", label: "jobs.minArea", help: "jobs.minArea.help", kind: "number", initial: "", step: "any",
  minimum: 0, unit: "m²",
};
const dem: OptionField = {
  name: "dem_id", label: "jobs.dem", help: "jobs.dem.help", kind: "raster", of: "dem", initial: "",
};
const report: OptionField = { name: "report", label: "jobs.withReport", kind: "flag", initial: true };
const lang: OptionField = {
  name: "lang", label: "jobs.lang", kind: "words", initial: "",
  words: [{ value: "en", label: "jobs.lang.en" }, { value: "zh", label: "jobs.lang.zh" }],
};
const date: OptionField = { name: "date", label: "jobs.date", help: "jobs.date.help", kind: "date", initial: "", advanced: true };
const seed: OptionField = { name: "seed", label: "jobs.seed", kind: "number", initial: "", step: "1", minimum: 0, advanced: true };

export const FORMS: Readonly<Record<JobKind, JobForm>> = {
  extract: {
    inputs: [scene, model],
    options: [
      { name: "bands", label: "jobs.bands", help: "jobs.bands.help", kind: "text", initial: "", example: "blue,green,red,nir" },
      { name: "threshold", label: "jobs.threshold", help: "jobs.threshold.help", kind: "number", initial: "", step: "0.01", minimum: 0 },
      minArea,
      {
        name: "tta", label: "jobs.tta", help: "jobs.tta.help", kind: "words", initial: "none", advanced: true,
        words: [
          { value: "none", label: "jobs.tta.none" },
          { value: "flips", label: "jobs.tta.flips" },
          { value: "dihedral", label: "jobs.tta.dihedral" },
        ],
      },
      { name: "before_id", label: "jobs.before", help: "jobs.before.help", kind: "raster", of: "scene", initial: "", advanced: true },
      { ...dem, advanced: true },
      { name: "force", label: "jobs.force", help: "jobs.force.help", kind: "flag", initial: false, advanced: true },
    ],
  },
  inventory: {
    inputs: [inventory, sample],
    options: [
      dem,
      minArea,
      report,
      lang,
      { name: "smooth", label: "jobs.smooth", kind: "flag", initial: true, advanced: true },
      { name: "split", label: "jobs.split", kind: "flag", initial: true, advanced: true },
      date,
    ],
  },
  corrected: { inputs: [inventory, sample], options: [dem, minArea, report, lang, date] },
  report: { inputs: [inventory], options: [lang] },
  sample: {
    inputs: [inventory],
    options: [
      { name: "size", label: "jobs.size", help: "jobs.size.help", kind: "number", initial: "200", step: "1", minimum: 2 },
      { name: "min_per_stratum", label: "jobs.minPerStratum", kind: "number", initial: "30", step: "1", minimum: 2, advanced: true },
      {
        name: "strata", label: "jobs.strata", kind: "words", initial: "landslide,background,buffer", advanced: true,
        words: [
          { value: "landslide,background,buffer", label: "jobs.strata.three" },
          { value: "landslide,background", label: "jobs.strata.two" },
        ],
      },
      {
        name: "allocation", label: "jobs.allocation", kind: "words", initial: "optimal", advanced: true,
        words: [
          { value: "optimal", label: "jobs.allocation.optimal" },
          { value: "proportional", label: "jobs.allocation.proportional" },
          { value: "equal", label: "jobs.allocation.equal" },
        ],
      },
      seed,
    ],
  },
  improve: {
    inputs: [model, { ...inventory, label: "jobs.corrections", optional: true }],
    options: [
      { name: "epochs", label: "jobs.epochs", help: "jobs.epochs.help", kind: "number", initial: "", step: "1", minimum: 1 },
      { name: "folds", label: "jobs.folds", help: "jobs.folds.help", kind: "number", initial: "", step: "1", minimum: 2, advanced: true },
      { name: "learning_rate", label: "jobs.learningRate", kind: "number", initial: "", step: "any", minimum: 0, advanced: true },
      { name: "batch_size", label: "jobs.batchSize", kind: "number", initial: "", step: "1", minimum: 1, advanced: true },
      { name: "keep", label: "jobs.keep", help: "jobs.keep.help", kind: "flag", initial: false, advanced: true },
      seed,
    ],
  },
};

export const KINDS = Object.keys(FORMS) as JobKind[];

/** What may be chosen for an input of a job. */
export function choicesFor(name: InputName, kind: JobKind, of: Workspace): readonly (Raster | Model | Inventory | Sample)[] {
  if (name === "scene_id") return of.rasters.filter((one) => one.kind === "scene" && one.bands.length > 1);
  if (name === "model_id") return of.models;
  if (name === "sample_id") return of.samples;
  if (kind === "corrected" || kind === "improve") return of.inventories.filter((one) => one.review !== null);
  if (kind === "report") return of.inventories.filter((one) => one.kind === "inventory");
  if (kind === "inventory") return of.inventories.filter((one) => one.kind === "extraction");
  return of.inventories;
}

export function rastersFor(of: "dem" | "scene", folder: Workspace): readonly Raster[] {
  if (of === "scene") return folder.rasters.filter((one) => one.kind === "scene");
  const kinds = ["elevation", "other", "scene"];
  return folder.rasters
    .filter((one) => kinds.includes(one.kind) && one.bands.length === 1)
    .sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind));
}

/** A name for the output that nothing in the folder has. */
export function outName(kind: JobKind, inputs: Readonly<Partial<Record<InputName, string>>>, of: Workspace, taken: readonly string[]): string {
  const named = (name: InputName) => choicesFor(name, kind, of).find(({ id }) => id === inputs[name])?.name;
  const source = named("inventory_id") ?? named("scene_id") ?? named("model_id") ?? "";
  const stem = source.replace(/\.[A-Za-z]{2,7}$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[^\p{L}\p{N}]+|[._-]+$/gu, "");
  const words: Record<JobKind, string> = {
    extract: "map", inventory: "inventory", corrected: "corrected", report: "report", sample: "sample", improve: "improved",
  };
  const base = [stem.slice(0, 60), words[kind]].filter(Boolean).join("_");
  const used = new Set([
    ...taken,
    ...[...of.rasters, ...of.inventories, ...of.models, ...of.samples].flatMap(({ name }) => [
      name.split("/")[0]!,
      name.split("/")[0]!.replace(/\.[A-Za-z]{2,7}$/, ""),
    ]),
  ]);
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}_${number}`;
    if (!used.has(name)) return name;
  }
}

/** First choices of a form: what was asked for, what is shown, else the first that there is. */
export function initialInputs(wanted: Prefill, of: Workspace, shown: Partial<Record<InputName, string | null>>): Partial<Record<InputName, string>> {
  const found: Partial<Record<InputName, string>> = {};
  for (const { name, optional } of FORMS[wanted.kind].inputs) {
    const choices = choicesFor(name, wanted.kind, of);
    const has = (id: string | null | undefined) => choices.find((one) => one.id === id)?.id;
    const id = has(wanted[name]) ?? (optional ? undefined : (has(shown[name]) ?? choices[0]?.id));
    if (id) found[name] = id;
  }
  return found;
}

/** The request of a filled form; options that are empty are left to the command. */
export function requestOf(
  kind: JobKind,
  out: string,
  inputs: Readonly<Partial<Record<InputName, string>>>,
  values: Readonly<Record<string, string | boolean>>,
): JobRequest {
  const options: Record<string, number | string | boolean> = {};
  for (const field of FORMS[kind].options) {
    const value = values[field.name];
    if (field.kind === "flag") {
      options[field.name] = value === true;
    } else if (typeof value === "string" && value.trim() !== "") {
      options[field.name] = field.kind === "number" ? Number(value) : value.trim();
    }
  }
  const request: JobRequest = { kind, out: out.trim(), options };
  for (const { name } of FORMS[kind].inputs) if (inputs[name]) request[name] = inputs[name];
  return request;
}
