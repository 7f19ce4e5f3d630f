/** What the server's API says and takes; `landslip.server.schemas` is its other side. */

export type LonLat = [number, number];
/** west, south, east, north in degrees. */
export type Bounds = [number, number, number, number];
export type PolygonGeometry = GeoJSON.Polygon | GeoJSON.MultiPolygon;

export interface Workspace {
  name: string;
  version: string;
  rasters: Raster[];
  inventories: Inventory[];
  models: Model[];
  samples: Sample[];
  series: Series[];
  /** Files that could not be read, each with one sentence. */
  problems: { name: string; message: string }[];
  /** Address template of a basemap, from `--basemap`; null: none. */
  basemap: string | null;
  /** Whether writing needs the token. */
  token_needed: boolean;
  read_only: boolean;
}

/** `other`: numbers that are neither of light nor heights, such as slopes. */
export type RasterKind = "scene" | "probability" | "mask" | "states" | "elevation" | "other";

export interface Band {
  /** From 1, as in the file. */
  index: number;
  name: string;
  /** 2nd and 99.8th percentile of valid pixels. */
  low: number;
  high: number;
  minimum: number;
  maximum: number;
}

export interface Raster {
  id: string;
  /** Place below the served folder. */
  name: string;
  kind: RasterKind;
  bounds: Bounds;
  min_zoom: number;
  max_zoom: number;
  width: number;
  height: number;
  resolution_m: number | null;
  bands: Band[];
  /** YYYY-MM-DD */
  date: string | null;
  /** Scene that was mapped, of a probability, mask or states. */
  scene_id: string | null;
  /** Threshold of the model, of a probability. */
  threshold: number | null;
  /** Value, key of `state.*` and colour, of states and masks. */
  classes: { value: number; key: string; colour: string }[];
}

export interface Series {
  id: string;
  name: string;
  /** Dates in order; each with what there is of it. */
  dates: { date: string; raster_ids: string[]; inventory_ids: string[] }[];
}

export interface Inventory {
  id: string;
  name: string;
  /** `extraction`: landslides.gpkg of a map; `inventory`; `polygons`: any other vector file. */
  kind: "extraction" | "inventory" | "polygons";
  count: number;
  bounds: Bounds;
  crs: string | null;
  date: string | null;
  /** When its file was written last: UTC, ISO 8601. */
  changed: string;
  scene_id: string | null;
  probability_id: string | null;
  model: string | null;
  threshold: number | null;
  /** Columns of the table, in order. */
  fields: Field[];
  /** Whether vector tiles are ready; while they are made, `tiles_progress` is from 0 to 1. */
  tiles_ready: boolean;
  tiles_progress: number;
  min_zoom: number;
  max_zoom: number;
  report: string | null;
  review: ReviewSummary | null;
}

export interface Field {
  name: string;
  kind: "id" | "number" | "text" | "flag";
  unit: string | null;
  label_en: string;
  label_zh: string;
  minimum: number | null;
  maximum: number | null;
}

export interface Model {
  id: string;
  name: string;
  architecture: string;
  bands: string[];
  resolution_m: number | null;
  threshold: number;
  f1: number | null;
}

export type Verdict = "unreviewed" | "accepted" | "rejected";
export type Provenance = "model" | "edited" | "drawn" | "split" | "merged";

export interface ReviewSummary {
  created: string;
  /** Number of the newest change. */
  revision: number;
  counts: Record<Verdict, number>;
  drawn: number;
  edited: number;
  removed: number;
  cells: number;
  cells_looked_at: number;
  authors: string[];
}

/** A row of the table: the inventory's columns, and those of its review. */
export interface FeatureRow {
  id: number;
  verdict: Verdict;
  provenance: Provenance;
  /** Counts the changes of this polygon; edits state the one they were made on. */
  version: number;
  type: string | null;
  note: string | null;
  author: string | null;
  changed: string | null;
  bounds: Bounds;
  centroid: LonLat;
  /** Expected information of looking at it, from 0 to 1. */
  information: number | null;
  [column: string]: unknown;
}

export interface FeaturePage {
  total: number;
  offset: number;
  revision: number;
  rows: FeatureRow[];
}

/** Which polygons filters select: `ids` are theirs, or those of all others where `selected` is false. */
export interface FeatureIds {
  revision: number;
  total: number;
  selected: boolean;
  ids: number[];
}

export interface FeatureDetail extends FeatureRow {
  geometry: PolygonGeometry;
  /** Outline as the model drew it; null where there was none. */
  original: PolygonGeometry | null;
  history: Change[];
}

export type FeatureQuery = {
  /** Column; a leading minus sorts downwards. */
  sort?: string;
  offset?: number;
  limit?: number;
  bbox?: Bounds;
  verdict?: Verdict;
  provenance?: Provenance;
  text?: string;
  /** `column:low:high`, either limit may be empty; several are all to hold. */
  range?: string[];
};

export type Action =
  | "accept"
  | "reject"
  | "reset"
  | "redraw"
  | "split"
  | "merge"
  | "draw"
  | "annotate";

export interface ChangeRequest {
  action: Action;
  author: string;
  /** Those that change, with the version that was seen. Empty for `draw`. */
  polygons: { id: number; version: number }[];
  /** redraw and draw: one; split: at least two; merge: none or one. */
  geometries?: PolygonGeometry[];
  type?: string | null;
  note?: string | null;
  reason?: string | null;
  /** How long the polygon was looked at. */
  seconds?: number | null;
}

export interface Change {
  seq: number;
  time: string;
  author: string;
  action: Action | "undo" | "redo";
  /** At most the first 1000 of them; `count` is of all. */
  polygon_ids: number[];
  count: number;
  type: string | null;
  note: string | null;
  reason: string | null;
  seconds: number | null;
  /** Change that is undone or done again. */
  of: number | null;
  /** Changes made by one rule have one. */
  bulk: string | null;
  /** Whether it holds now, or was undone. */
  active: boolean;
}

export interface ChangeResult {
  revision: number;
  changes: Change[];
  /** Polygons touched as they are now; those that are gone are in `removed`. */
  polygons: FeatureRow[];
  removed: number[];
  /** Whether more were touched than are listed (1000), as by a rule: read overlay and table again. */
  truncated: boolean;
}

export interface BulkRequest {
  action: "accept" | "reject" | "reset" | "annotate";
  author: string;
  rule: FeatureQuery;
  /** How many the client was shown that the rule matches; another number is a conflict. */
  expected: number;
  type?: string | null;
  note?: string | null;
  reason?: string | null;
}

/** RFC 9457; `conflicts` with status 409. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  conflicts?: { id: number; version: number; verdict: Verdict | "removed"; author: string; time: string }[];
}

/** Polygons whose outline is not the model's: drawn on top of the tiles, GeoJSON features with
 * FeatureRow as properties. `removed`: ids that are in the tiles and no longer there.
 * `verdicts`: of polygons that are in the tiles. */
export interface ReviewOverlay {
  revision: number;
  features: GeoJSON.FeatureCollection<PolygonGeometry>;
  removed: number[];
  replaced: number[];
  verdicts: { accepted: number[]; rejected: number[] };
}

export interface QueueItem {
  id: number;
  score: number;
  uncertainty: number;
  size: number;
  novelty: number;
}

export type QueueOrder = "information" | "uncertainty" | "largest" | "confidence" | "random";

export interface Coverage {
  revision: number;
  cell_m: number;
  columns: number;
  rows: number;
  /** GeoJSON polygons with the properties below. */
  cells: GeoJSON.FeatureCollection<GeoJSON.Polygon, CoverageCell>;
}

export interface CoverageCell {
  column: number;
  row: number;
  looked_at: boolean;
  author: string | null;
  time: string | null;
  /** Polygons in it that nobody has judged. */
  unreviewed: number;
}

export interface CoverageRequest {
  author: string;
  cells: [number, number][];
  looked_at: boolean;
}

export interface Sample {
  id: string;
  name: string;
  inventory_id: string | null;
  scene_id: string | null;
  points: number;
  judged: number;
}

export type Reference = "landslide" | "background" | "unclear";

export interface SamplePoint {
  id: number;
  place: LonLat;
  /** Outline of the pixel that is judged. */
  pixel: GeoJSON.Polygon;
  reference: Reference | null;
  comment: string | null;
}

export interface SampleEstimate {
  judged: number;
  points: number;
  /** null: too few are judged. */
  area_m2: number | null;
  low_m2: number | null;
  high_m2: number | null;
  mapped_m2: number;
  overall_accuracy: number | null;
  users_accuracy: number | null;
  producers_accuracy: number | null;
  /** Why there is no estimate yet, or what limits it. */
  notes: string[];
}

export type JobKind = "extract" | "inventory" | "corrected" | "report" | "sample" | "improve";
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";

export interface JobRequest {
  kind: JobKind;
  /** Name of the folder or file that it makes, in the served folder. */
  out: string;
  scene_id?: string | null;
  model_id?: string | null;
  inventory_id?: string | null;
  sample_id?: string | null;
  /** Options of the command, by name: numbers, texts, true and false; no paths. */
  options?: Record<string, number | string | boolean>;
}

export interface Job {
  id: string;
  kind: JobKind;
  out: string;
  state: JobState;
  /** 0 to 1; null: not known. */
  progress: number | null;
  stage: string | null;
  created: string;
  started: string | null;
  ended: string | null;
  /** Last lines of what it said. */
  log: string[];
  /** One sentence, of a job that failed. */
  error: string | null;
  /** Ids in the workspace of what it made. */
  result: { rasters: string[]; inventories: string[]; models: string[]; samples: string[] } | null;
  /** What improve found: see `docs/improve.md`. */
  summary: Record<string, unknown> | null;
}

/** Charts of an inventory as it is now, reviewed or not. */
export interface Charts {
  /** Size distribution: area limits (n + 1) and numbers (n). */
  sizes: { edges_m2: number[]; counts: number[] };
  /** Confidence: limits and numbers by verdict. */
  confidence: { edges: number[]; counts: Record<Verdict, number[]> };
  area_m2: Record<Verdict, number>;
  /** Area by state and date, of a series; else empty. */
  states: { date: string; area_m2: Record<string, number> }[];
}
