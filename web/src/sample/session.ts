/** Judging an accuracy sample: one point after another, without the map's answer in sight. */

import { batch, computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { notifyError } from "../core/notify";
import { bottomPanel, sidePanel } from "../core/shell/panels";
import { author, language, workspace } from "../core/store";
import type { Reference, Sample, SampleEstimate, SamplePoint } from "../core/types";
import { change, classLayer, polygonLayer, probabilityLayer, sceneLayer } from "../map/layerState";
import { comparing } from "../map/compare";
import { askingName } from "../review/session";

export const sampleId = signal<string | null>(null);
export const points = signal<readonly SamplePoint[]>([]);
export const index = signal(0);
export const estimate = signal<SampleEstimate | null>(null);
export const loading = signal(false);
/** Whether the result so far is shown before all points are judged. */
export const resultShown = signal(false);
interface Judgement {
  sample: string;
  point: number;
  reference: Reference | null;
  comment: string | null;
  /** What the point was before, as it was seen. */
  seen: Reference | null;
}

/** Judgements that the server does not have yet, by sample and point: they wait also while another sample is open. */
const unsent = signal<ReadonlyMap<string, Judgement>>(new Map());
const keyOf = (id: string, pointId: number) => `${id}/${pointId}`;
export const waiting = computed(() => unsent.value.size);
export const offline = signal(false);

export const sample = computed<Sample | null>(
  () => workspace.value?.samples.find((one) => one.id === sampleId.value) ?? null,
);
export const point = computed<SamplePoint | null>(() => points.value[index.value] ?? null);
export const judged = computed(() => points.value.filter(({ reference }) => reference !== null).length);
export const finished = computed(() => points.value.length > 0 && judged.value === points.value.length);
/** Whether keys judge points: the panel is open and a sample is chosen. */
export const sampling = computed(() => sidePanel.value === "sample" && sampleId.value !== null && points.value.length > 0);

export async function openSample(id: string): Promise<void> {
  if (author.peek().trim() === "") {
    askingName.value = () => void openSample(id);
    return;
  }
  loading.value = true;
  try {
    const loaded = await api.samplePoints(id);
    batch(() => {
      sampleId.value = id;
      points.value = withUnsent(id, loaded);
      estimate.value = null;
      resultShown.value = false;
      const open = points.value.findIndex(({ reference }) => reference === null);
      index.value = Math.max(0, open);
    });
    void loadEstimate();
  } catch (error) {
    notifyError(error);
  } finally {
    loading.value = false;
  }
}

export function closeSample(): void {
  batch(() => {
    sampleId.value = null;
    points.value = [];
    estimate.value = null;
  });
}

/** Judge the point and go to the next that is not judged. */
export function judge(reference: Reference | null): void {
  const here = point.peek();
  if (!here) return;
  set(here.id, { reference, comment: here.comment });
  if (reference !== null) goOn();
}

export function comment(text: string): void {
  const here = point.peek();
  if (here) set(here.id, { reference: here.reference, comment: text.trim() || null });
}

export function goOn(): void {
  const all = points.peek();
  const at = index.peek();
  const order = [...all.keys()].map((step) => (at + 1 + step) % all.length);
  const next = order.find((i) => all[i]?.reference === null);
  if (next !== undefined) index.value = next;
}

export function back(): void {
  index.value = Math.max(0, index.peek() - 1);
}

export function forward(): void {
  index.value = Math.min(points.peek().length - 1, index.peek() + 1);
}

function set(pointId: number, judgement: Pick<SamplePoint, "reference" | "comment">): void {
  const id = sampleId.peek();
  if (id === null) return;
  const before = points.peek().find((one) => one.id === pointId)?.reference ?? null;
  const key = keyOf(id, pointId);
  const waits = unsent.peek().get(key);
  const seen = waits ? waits.seen : before;
  batch(() => {
    points.value = points.peek().map((one) => (one.id === pointId ? { ...one, ...judgement } : one));
    unsent.value = new Map(unsent.peek()).set(key, { sample: id, point: pointId, ...judgement, seen });
  });
  void send();
}

/** Points as the server has them, with the judgements that wait to be sent. */
function withUnsent(id: string, loaded: readonly SamplePoint[]): readonly SamplePoint[] {
  return loaded.map((one) => {
    const waits = unsent.peek().get(keyOf(id, one.id));
    return waits ? { ...one, reference: waits.reference, comment: waits.comment } : one;
  });
}

let sending = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Send judgements until none is left. Sending one twice does no harm. */
async function send(): Promise<void> {
  if (sending) return;
  sending = true;
  clearTimeout(timer);
  try {
    for (let [first] = unsent.peek(); first; [first] = unsent.peek()) {
      const [key, judgement] = first;
      const { sample: id, point: pointId, ...body } = judgement;
      await api.judgePoint(id, pointId, { ...body, author: author.peek() });
      offline.value = false;
      const newer = unsent.peek().get(key);
      if (newer === judgement || !newer) drop(key);
      // A newer judgement of the same point was made on this one.
      else unsent.value = new Map(unsent.peek()).set(key, { ...newer, seen: judgement.reference });
    }
    void loadEstimate();
  } catch (error) {
    if (error instanceof ApiError && (error.problem.status === 0 || error.problem.status >= 500)) {
      offline.value = true;
      timer = setTimeout(() => void send(), 3000);
    } else {
      const [first] = unsent.peek();
      if (first) {
        const [key, judgement] = first;
        drop(key);
        await reload(judgement.sample);
        const now = points.peek().find((one) => one.id === judgement.point);
        // An answer that was lost on its way: the server has the judgement.
        if (sampleId.peek() !== judgement.sample || now?.reference !== judgement.reference) notifyError(error);
      }
      queueMicrotask(() => void send());
    }
  } finally {
    sending = false;
  }
}

export const retry = () => void send();

function drop(key: string): void {
  const rest = new Map(unsent.peek());
  rest.delete(key);
  unsent.value = rest;
}

async function reload(id: string): Promise<void> {
  try {
    const loaded = await api.samplePoints(id);
    if (sampleId.peek() === id) points.value = withUnsent(id, loaded);
  } catch (error) {
    notifyError(error);
  }
}

export async function loadEstimate(): Promise<void> {
  const id = sampleId.peek();
  if (id === null) return;
  try {
    const loaded = await api.sampleEstimate(id, language.peek());
    if (sampleId.peek() === id) estimate.value = loaded;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.problem.status !== 0) notifyError(error);
  }
}

/** Notes are in the language of the page. */
export function followLanguage(): () => void {
  return effect(() => {
    void language.value;
    if (estimate.peek()) void loadEstimate();
  });
}

/** While points are judged nothing is shown that says what the map has there. */
export function hideAnswers(): () => void {
  let before: { probability: boolean; classes: boolean; polygons: boolean; comparing: boolean } | null = null;
  return effect(() => {
    const hide = sampling.value;
    // What is read here: a layer that is turned on meanwhile is turned off again.
    const shown = probabilityLayer.value.shown || classLayer.value.shown || polygonLayer.value.shown || comparing.value;
    if (hide && !before) {
      before = {
        probability: probabilityLayer.peek().shown,
        classes: classLayer.peek().shown,
        polygons: polygonLayer.peek().shown,
        comparing: comparing.peek(),
      };
      const scene = sample.peek()?.scene_id;
      batch(() => {
        bottomPanel.value = null;
        if (scene) change(sceneLayer, { id: scene, shown: true });
      });
    }
    if (hide && shown) {
      batch(() => {
        change(probabilityLayer, { shown: false });
        change(classLayer, { shown: false });
        change(polygonLayer, { shown: false });
        comparing.value = false;
      });
    }
    if (!hide && before) {
      const restored = before;
      before = null;
      batch(() => {
        change(probabilityLayer, { shown: restored.probability });
        change(classLayer, { shown: restored.classes });
        change(polygonLayer, { shown: restored.polygons });
        comparing.value = restored.comparing;
      });
    }
  });
}
