/** Requests to the server. Every failure is an `ApiError` that carries the server's problem. */

import type * as t from "./types";

export class ApiError extends Error {
  constructor(readonly problem: t.Problem) {
    super(problem.detail || problem.title);
  }
}

let token: string | null = null;

/** Take the token out of the address bar's `#token=...`, so that it is not shared with a link. */
export function readToken(): void {
  const words = new URLSearchParams(location.hash.slice(1));
  const found = words.get("token");
  if (!found) return;
  token = found;
  words.delete("token");
  const rest = words.toString();
  history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`api/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError({ type: "about:blank", title: "offline", status: 0, detail: "" });
  }
  if (response.status === 204) return undefined as T;
  const content: unknown = await response.json().catch(() => null);
  if (response.ok) return content as T;
  const problem = (content ?? {}) as Partial<t.Problem>;
  throw new ApiError({
    type: "about:blank",
    title: response.statusText,
    detail: "",
    ...problem,
    status: response.status,
  });
}

function parameters(query: object): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    if (name === "bbox") words.append(name, (value as number[]).join(","));
    else for (const one of Array.isArray(value) ? value : [value]) words.append(name, String(one));
  }
  const text = words.toString();
  return text ? `?${text}` : "";
}

const at = (inventory: string) => `inventories/${encodeURIComponent(inventory)}`;

export const api = {
  workspace: () => request<t.Workspace>("GET", "workspace"),
  raster: (id: string) => request<t.Raster>("GET", `rasters/${id}`),
  inventory: (id: string) => request<t.Inventory>("GET", at(id)),
  features: (id: string, query: t.FeatureQuery = {}) =>
    request<t.FeaturePage>("GET", `${at(id)}/features${parameters(query)}`),
  featureIds: (id: string, query: t.FeatureQuery) => request<t.FeatureIds>("GET", `${at(id)}/ids${parameters(query)}`),
  feature: (id: string, feature: number) =>
    request<t.FeatureDetail>("GET", `${at(id)}/features/${feature}`),
  charts: (id: string) => request<t.Charts>("GET", `${at(id)}/charts`),

  startReview: (id: string, author: string) =>
    request<t.ReviewSummary>("POST", `${at(id)}/review`, { author }),
  review: (id: string) => request<t.ReviewSummary>("GET", `${at(id)}/review`),
  overlay: (id: string) => request<t.ReviewOverlay>("GET", `${at(id)}/review/overlay`),
  changes: (id: string, since: number) =>
    request<t.ChangeResult>("GET", `${at(id)}/review/changes?since=${since}`),
  change: (id: string, change: t.ChangeRequest) =>
    request<t.ChangeResult>("POST", `${at(id)}/review/changes`, change),
  bulk: (id: string, bulk: t.BulkRequest) =>
    request<t.ChangeResult & { count: number }>("POST", `${at(id)}/review/bulk`, bulk),
  undo: (id: string, author: string) =>
    request<t.ChangeResult>("POST", `${at(id)}/review/undo`, { author }),
  redo: (id: string, author: string) =>
    request<t.ChangeResult>("POST", `${at(id)}/review/redo`, { author }),
  queue: (id: string, order: t.QueueOrder, limit = 50, offset = 0) =>
    request<{ revision: number; total: number; items: t.QueueItem[] }>(
      "GET",
      `${at(id)}/review/queue${parameters({ order, limit, offset })}`,
    ),
  coverage: (id: string) => request<t.Coverage>("GET", `${at(id)}/review/coverage`),
  cover: (id: string, cells: t.CoverageRequest) =>
    request<t.Coverage>("POST", `${at(id)}/review/coverage`, cells),

  samplePoints: (id: string) => request<t.SamplePoint[]>("GET", `samples/${id}/points`),
  judgePoint: (
    id: string,
    point: number,
    judgement: {
      reference: t.Reference | null;
      comment?: string | null;
      author: string;
      /** What the point was when it was looked at; if somebody judged it meanwhile, it is a conflict. */
      seen?: t.Reference | null;
    },
  ) => request<t.SamplePoint>("PUT", `samples/${id}/points/${point}`, judgement),
  sampleEstimate: (id: string, lang: "en" | "zh" = "en") =>
    request<t.SampleEstimate>("GET", `samples/${id}/estimate?lang=${lang}`),

  jobs: () => request<t.Job[]>("GET", "jobs"),
  job: (id: string) => request<t.Job>("GET", `jobs/${id}`),
  startJob: (job: t.JobRequest) => request<t.Job>("POST", "jobs", job),
  cancelJob: (id: string) => request<t.Job>("DELETE", `jobs/${id}`),

  /** Address of a raster's tiles of 512 px, for MapLibre. `bands`: one or three indexes; `limits`: low and
   * high of each. Probability without `bands` is encoded for `raster-dem`: probability = red / 250. */
  rasterTiles: (id: string, bands?: number[], limits?: [number, number][], gamma?: number) =>
    `${new URL("api/", document.baseURI).href}rasters/${id}/tiles/{z}/{x}/{y}${parameters({
      bands: bands?.join(","),
      limits: limits?.map((pair) => pair.join(":")).join(","),
      gamma,
      size: 512,
    })}`,
  /** Address of an inventory's vector tiles; their layer is `landslides`, its `id` the polygon's. */
  vectorTiles: (id: string) =>
    `${new URL("api/", document.baseURI).href}${at(id)}/tiles/{z}/{x}/{y}`,
};
