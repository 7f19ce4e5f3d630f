/** Cuts a polygon by a line. The polygon's rings and the parts of the line inside it make a planar
 * graph; its faces inside the polygon are the pieces. */

import type { Position } from "geojson";

import type { PolygonGeometry } from "../core/types";
import { contains, geometryOf, planarArea, polygonsOf, ringContains, signedArea } from "./geometry";
import type { Ring } from "./geometry";

/** Places nearer than this share of the polygon's extent are one. */
const TOLERANCE = 1e-11;

interface Segment {
  start: Position;
  end: Position;
  cutting: boolean;
}

/** Pieces, the largest first; a single one: the line does not cut. Parts of a multipolygon that the
 * line does not touch stay with the largest piece, unless it touches none: then each part is a piece. */
export function splitByLine(geometry: PolygonGeometry, line: Position[]): PolygonGeometry[] {
  const cut: Ring[][] = [];
  const whole: Ring[][] = [];
  for (const rings of polygonsOf(geometry)) {
    const pieces = splitPolygon(rings, line);
    if (pieces.length > 1) cut.push(...pieces);
    else whole.push(rings);
  }
  if (cut.length === 0) return whole.map((rings) => geometryOf([rings]));
  const size = (rings: Ring[]) => planarArea(geometryOf([rings]));
  cut.sort((a, b) => size(b) - size(a));
  return cut.map((rings, index) => geometryOf(index === 0 ? [rings, ...whole] : [rings]));
}

/** Pieces of one polygon, each a list of rings; the polygon itself if nothing is cut off. */
function splitPolygon(given: Ring[], line: Position[]): Ring[][] {
  const origin = given[0]?.[0];
  if (!origin || line.length < 2) return [given];
  // Near the origin the differences of places keep their digits.
  const local = (places: Ring): Ring => places.map((p) => [p[0]! - origin[0]!, p[1]! - origin[1]!]);
  // Outer rings run anticlockwise and holes clockwise: the polygon is on the left of each side.
  const rings = given.map((ring, index) => (signedArea(ring) > 0 === (index === 0) ? ring : [...ring].reverse()));
  const inner = rings.map(local);
  const polygon: PolygonGeometry = { type: "Polygon", coordinates: inner };
  const extent = Math.max(...inner[0]!.map((p) => Math.max(Math.abs(p[0]!), Math.abs(p[1]!))));
  const nodes = new Nodes(extent * TOLERANCE);

  const edges = noded([...inner.flatMap((ring) => sides(ring, false)), ...sides(local(line), true)], nodes);
  const kept = edges.filter(
    ({ a, b, cutting }) => !cutting || contains(polygon, middle(nodes.place(a), nodes.place(b))),
  );
  const graph = new Graph(kept, nodes);
  graph.removeDeadEnds();

  const pieces = graph.pieces();
  const total = planarArea(polygon);
  const sum = pieces.reduce((area, piece) => area + planarArea(geometryOf([piece])), 0);
  if (pieces.length < 2 || Math.abs(sum - total) > 1e-9 * total) return [given];
  // A place of the polygon gets its own coordinates back, to the last digit.
  const exact = new Map<number, Position>();
  rings.forEach((ring, r) => ring.forEach((place, i) => exact.set(nodes.at(inner[r]![i]!), place)));
  return pieces.map((piece) =>
    piece.map((ring) =>
      ring.map((p) => exact.get(nodes.at(p)) ?? [p[0]! + origin[0]!, p[1]! + origin[1]!]),
    ),
  );
}

function sides(places: Ring, cutting: boolean): Segment[] {
  return places.slice(1).map((end, index) => ({ start: places[index]!, end, cutting }));
}

const middle = (a: Position, b: Position): Position => [(a[0]! + b[0]!) / 2, (a[1]! + b[1]!) / 2];

/** Places by number; places within the tolerance have the same. */
class Nodes {
  private readonly places: Position[] = [];
  private readonly cells = new Map<string, number[]>();

  constructor(private readonly tolerance: number) {}

  at(place: Position): number {
    const size = this.tolerance * 4 || 1e-300;
    const [column, row] = [Math.round(place[0]! / size), Math.round(place[1]! / size)];
    for (let c = column - 1; c <= column + 1; c++)
      for (let r = row - 1; r <= row + 1; r++)
        for (const node of this.cells.get(`${c},${r}`) ?? []) {
          const other = this.places[node]!;
          if (Math.hypot(place[0]! - other[0]!, place[1]! - other[1]!) <= this.tolerance) return node;
        }
    const node = this.places.push(place) - 1;
    const key = `${column},${row}`;
    this.cells.set(key, [...(this.cells.get(key) ?? []), node]);
    return node;
  }

  place(node: number): Position {
    return this.places[node]!;
  }
}

interface Edge {
  a: number;
  b: number;
  cutting: boolean;
}

/** Segments divided where they meet, each pair of nodes once; of two on each other the ring's stays. */
function noded(segments: Segment[], nodes: Nodes): Edge[] {
  const on = segments.map(({ start, end }) => [nodes.at(start), nodes.at(end)]);
  for (let i = 0; i < segments.length; i++)
    for (let j = i + 1; j < segments.length; j++) {
      // Sides of the polygon meet each other only in their ends.
      if (!segments[j]!.cutting) continue;
      for (const place of meetings(segments[i]!, segments[j]!)) {
        const node = nodes.at(place);
        on[i]!.push(node);
        on[j]!.push(node);
      }
    }
  const edges = new Map<string, Edge>();
  segments.forEach(({ start, end, cutting }, index) => {
    const along = (node: number) => {
      const place = nodes.place(node);
      return (place[0]! - start[0]!) * (end[0]! - start[0]!) + (place[1]! - start[1]!) * (end[1]! - start[1]!);
    };
    const chain = [...new Set(on[index])].sort((a, b) => along(a) - along(b));
    for (let i = 0; i + 1 < chain.length; i++) {
      const [a, b] = [chain[i]!, chain[i + 1]!];
      const key = a < b ? `${a},${b}` : `${b},${a}`;
      if (!cutting || !edges.has(key)) edges.set(key, { a, b, cutting });
    }
  });
  return [...edges.values()];
}

/** Places where two segments meet: a crossing, an end on the other, or both ends of an overlap. */
function meetings(one: Segment, other: Segment): Position[] {
  const [p, q] = [one.start, other.start];
  const r = [one.end[0]! - p[0]!, one.end[1]! - p[1]!] as const;
  const s = [other.end[0]! - q[0]!, other.end[1]! - q[1]!] as const;
  const scale = Math.hypot(...r) * Math.hypot(...s);
  if (scale === 0) return [];
  const places: Position[] = [];
  const [lr, ls] = [Math.hypot(...r), Math.hypot(...s)];
  const near = Math.max(lr, ls) * 1e-12;
  for (const [place, from, way, length] of [
    [one.start, q, s, ls], [one.end, q, s, ls], [other.start, p, r, lr], [other.end, p, r, lr],
  ] as const) {
    const [dx, dy] = [place[0]! - from[0]!, place[1]! - from[1]!];
    const along = (dx * way[0] + dy * way[1]) / length;
    const away = Math.abs(dx * way[1] - dy * way[0]) / length;
    if (away <= near && along >= -near && along <= length + near) places.push(place);
  }
  if (places.length > 0) return places;
  const determinant = r[0] * s[1] - r[1] * s[0];
  if (Math.abs(determinant) <= 1e-15 * scale) return [];
  const [dx, dy] = [q[0]! - p[0]!, q[1]! - p[1]!];
  const t = (dx * s[1] - dy * s[0]) / determinant;
  const u = (dx * r[1] - dy * r[0]) / determinant;
  if (t < 0 || t > 1 || u < 0 || u > 1) return [];
  return [[p[0]! + t * r[0], p[1]! + t * r[1]]];
}

/** A planar graph whose faces are walked with the inside on the left. */
class Graph {
  private edges: Edge[];

  constructor(
    edges: Edge[],
    private readonly nodes: Nodes,
  ) {
    this.edges = edges;
  }

  /** Remove cutting edges that separate nothing: ends inside, and bridges between rings. */
  removeDeadEnds(): void {
    for (;;) {
      const degree = new Map<number, number>();
      for (const { a, b } of this.edges)
        for (const node of [a, b]) degree.set(node, (degree.get(node) ?? 0) + 1);
      let kept = this.edges.filter(
        ({ a, b, cutting }) => !cutting || (degree.get(a)! > 1 && degree.get(b)! > 1),
      );
      if (kept.length === this.edges.length) {
        const faceOf = new Map<string, number>();
        this.faces().forEach((face, index) =>
          face.forEach((a, i) => faceOf.set(`${a},${face[(i + 1) % face.length]!}`, index)),
        );
        kept = this.edges.filter(
          ({ a, b, cutting }) => !cutting || faceOf.get(`${a},${b}`) !== faceOf.get(`${b},${a}`),
        );
      }
      if (kept.length === this.edges.length) return;
      this.edges = kept;
    }
  }

  /** Closed walks along the edges, each turning as far left as it can. */
  private faces(): number[][] {
    const around = new Map<number, number[]>();
    for (const { a, b } of this.edges) {
      around.set(a, [...(around.get(a) ?? []), b]);
      around.set(b, [...(around.get(b) ?? []), a]);
    }
    for (const [node, others] of around) {
      const [x, y] = this.nodes.place(node) as [number, number];
      const angle = (other: number) => {
        const place = this.nodes.place(other);
        return Math.atan2(place[1]! - y, place[0]! - x);
      };
      others.sort((a, b) => angle(a) - angle(b));
    }
    const walked = new Set<string>();
    const faces: number[][] = [];
    for (const [first, others] of around)
      for (const second of others) {
        if (walked.has(`${first},${second}`)) continue;
        const face: number[] = [];
        let [from, to] = [first, second];
        while (!walked.has(`${from},${to}`)) {
          walked.add(`${from},${to}`);
          face.push(from);
          const next = around.get(to)!;
          const index = next.indexOf(from);
          [from, to] = [to, next[(index - 1 + next.length) % next.length]!];
        }
        faces.push(face);
      }
    return faces;
  }

  /** Faces inside the polygon, with the holes that are in each. */
  pieces(): Ring[][] {
    const inside = new Set(
      this.edges.flatMap(({ a, b, cutting }) => (cutting ? [`${a},${b}`, `${b},${a}`] : [`${a},${b}`])),
    );
    // What is on the left of a ring's side is inside the polygon, and so are both sides of a cut.
    const faces = this.faces()
      .filter((face) => inside.has(`${face[0]!},${face[1]!}`))
      .map((face) => {
        const ring = [...face, face[0]!].map((node) => this.nodes.place(node));
        return { face, nodes: new Set(face), ring, area: signedArea(ring) };
      });
    const outer = faces.filter(({ area }) => area > 0).sort((a, b) => a.area - b.area);
    const pieces = new Map(outer.map((face) => [face, [face.ring]]));
    // A face that runs clockwise is around edges that nothing connects with what is outside of them.
    for (const hole of faces.filter(({ area }) => area < 0)) {
      const around = outer.find(
        ({ ring, nodes }) => !hole.face.some((node) => nodes.has(node)) && ringContains(ring, hole.ring[0]!),
      );
      if (around) pieces.get(around)!.push(hole.ring);
    }
    return [...pieces.values()];
  }
}
