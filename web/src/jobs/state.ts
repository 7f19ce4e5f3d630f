/** Jobs of the server, and what happens when one ends. */

import { batch, computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { notify, notifyError } from "../core/notify";
import { closePanel, openPanel, sidePanel } from "../core/shell/panels";
import { chooseInventory, loadWorkspace, raster, workspace } from "../core/store";
import type { Job, JobRequest } from "../core/types";
import { t } from "../i18n";
import { change, probabilityLayer, sceneLayer } from "../map/layerState";
import { mapView } from "../map/mapView";
import { openSample } from "../sample/session";

const BUSY_MS = 1_000;
const IDLE_MS = 15_000;

export const jobs = signal<readonly Job[]>([]);
export const loaded = signal(false);
/** Job whose log is open. */
export const openedJob = signal<string | null>(null);

export const isActive = (job: Job) => job.state === "waiting" || job.state === "running";
export const active = computed(() => jobs.value.filter(isActive));
/** A number stays equal where the list is a new one with each answer. */
const activeCount = computed(() => active.value.length);

export async function loadJobs(): Promise<void> {
  const before = new Map(jobs.peek().map((job) => [job.id, job]));
  const now = await api.jobs();
  const first = !loaded.peek();
  batch(() => {
    jobs.value = [...now].sort((a, b) => b.created.localeCompare(a.created));
    loaded.value = true;
  });
  if (first) return;
  for (const job of now) {
    const known = before.get(job.id);
    if (!isActive(job) && (!known || isActive(known))) await ended(job);
  }
}

async function ended(job: Job): Promise<void> {
  if (job.state === "failed") notify("error", t("jobs.failed.notice", { name: nameOf(job), error: job.error ?? "" }));
  if (job.state !== "done") return;
  await loadWorkspace();
  const result = job.result;
  const opens = result && (result.inventories.length || result.rasters.length || result.samples.length);
  notify("success", t("jobs.done.notice", { name: nameOf(job) }), opens ? { label: t("jobs.open"), run: () => open(job) } : null);
}

export const nameOf = (job: Job) => `${t(`jobs.kind.${job.kind}`)}: ${job.out}`;

export async function start(request: JobRequest): Promise<Job> {
  const job = await api.startJob(request);
  jobs.value = [job, ...jobs.peek().filter(({ id }) => id !== job.id)];
  return job;
}

export async function cancel(job: Job): Promise<void> {
  try {
    const now = await api.cancelJob(job.id);
    jobs.value = jobs.peek().map((one) => (one.id === now.id ? now : one));
  } catch (error) {
    notifyError(error);
  }
}

/** Show on the map what a job made. */
export function open(job: Job): void {
  const { result } = job;
  if (!result) return;
  const sample = result.samples[0];
  if (sample) {
    openPanel("sample");
    void openSample(sample);
    return;
  }
  const chosen = result.inventories[0];
  const rasters = result.rasters.map((id) => raster(id)).filter((one) => one !== null);
  const probability = rasters.find(({ kind }) => kind === "probability");
  batch(() => {
    if (chosen) chooseInventory(chosen);
    if (probability) {
      change(probabilityLayer, { id: probability.id, shown: true });
      if (probability.scene_id) change(sceneLayer, { id: probability.scene_id, shown: true });
    }
  });
  const place = workspace.peek()?.inventories.find(({ id }) => id === chosen)?.bounds ?? rasters[0]?.bounds;
  if (place) mapView.peek()?.fitTo(place);
  if (window.matchMedia("(max-width: 720px)").matches) closePanel("jobs");
}

/** Ask for the jobs while there are any, or while their panel is open. */
export function followJobs(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const tick = async () => {
    clearTimeout(timer);
    if (stopped) return;
    const shown = sidePanel.peek() === "jobs";
    if (document.visibilityState === "visible" && (shown || activeCount.peek() > 0 || !loaded.peek())) {
      try {
        await loadJobs();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    clearTimeout(timer);
    timer = setTimeout(() => void tick(), activeCount.peek() > 0 ? BUSY_MS : IDLE_MS);
  };
  const stop = effect(() => {
    // Once there is a folder, and again when the panel is opened or a job is started.
    if (workspace.value === null) return;
    void sidePanel.value;
    void activeCount.value;
    void tick();
  });
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
