/** Drawing on the map: outlines with their corners, new outlines, and lines that cut. */

import type { Position } from "geojson";
import type { Map as MapLibreMap } from "maplibre-gl";
import {
  TerraDraw,
  TerraDrawFreehandMode,
  TerraDrawLineStringMode,
  TerraDrawModeUndoRedo,
  TerraDrawPolygonMode,
  TerraDrawSelectMode,
} from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";

import type { PolygonGeometry } from "../core/types";
import { endOf } from "../map/mapView";
import type { Ring } from "./geometry";
import { Rings } from "./rings";

export type Tool = "polygon" | "freehand" | "line";

const COLOUR = "#ffd92e";
const DARK = "#1b1300";
/** Decimal places of degrees: a tenth of a millimetre. */
const DIGITS = 9;
/** Corners with more than which an outline shows no midpoints: they would hide it. */
const MOST_MIDPOINTS = 400;

interface EditorListener {
  /** The outline that is edited was changed, or a step of it undone. */
  edited(): void;
  /** A new outline (closed) or line was drawn to its end. */
  drawn(places: Position[]): void;
}

export class OutlineEditor {
  private readonly draw: TerraDraw;
  private rings: Rings | null = null;
  /** Rings before each change, and after each that was undone. */
  private done: Ring[][] = [];
  private undone: Ring[][] = [];
  private shown: Ring[] = [];

  constructor(
    private readonly map: MapLibreMap,
    private readonly listener: EditorListener,
  ) {
    const corner = {
      closingPointColor: COLOUR,
      closingPointWidth: 6,
      closingPointOutlineColor: DARK,
      closingPointOutlineWidth: 2,
      coordinatePointColor: "#ffffff",
      coordinatePointWidth: 4,
      coordinatePointOutlineColor: DARK,
      coordinatePointOutlineWidth: 1,
    } as const;
    const area = { fillColor: COLOUR, fillOpacity: 0.1, outlineColor: COLOUR, outlineWidth: 3, ...corner } as const;
    const line = { lineStringColor: COLOUR, lineStringWidth: 3, ...corner } as const;
    const keyEvents = { cancel: null, finish: "Enter" };
    this.draw = new TerraDraw({
      adapter: new TerraDrawMapLibreGLAdapter({
        map,
        coordinatePrecision: DIGITS,
        prefixId: "outline",
        renderBelowLayerId: endOf("drawing"),
      }),
      undoRedo: { modeLevel: new TerraDrawModeUndoRedo() },
      modes: [
        new TerraDrawSelectMode({
          allowManualDeselection: false,
          pointerDistance: 24,
          keyEvents: null,
          flags: { polygon: { feature: { selfIntersectable: true } } },
          styles: {
            selectedPolygonColor: COLOUR,
            selectedPolygonFillOpacity: 0.04,
            selectedPolygonOutlineColor: COLOUR,
            selectedPolygonOutlineWidth: 3,
            selectionPointColor: "#ffffff",
            selectionPointWidth: 5,
            selectionPointOutlineColor: DARK,
            selectionPointOutlineWidth: 2,
            midPointColor: COLOUR,
            midPointWidth: 3,
            midPointOutlineColor: DARK,
            midPointOutlineWidth: 1,
          },
        }),
        new TerraDrawPolygonMode({ keyEvents, pointerDistance: 8, styles: area, showCoordinatePoints: true }),
        new TerraDrawFreehandMode({
          keyEvents,
          minDistance: 5,
          smoothing: 0.2,
          drawInteraction: "click-move-or-drag",
          styles: area,
        }),
        new TerraDrawLineStringMode({ keyEvents, pointerDistance: 8, styles: line, showCoordinatePoints: true }),
      ],
    });
    this.draw.start();
    this.draw.on("finish", (id, { action }) => {
      if (this.rings) this.keep();
      else if (action === "draw") this.end(id);
    });
  }

  /** Show an outline with its corners. */
  edit(geometry: PolygonGeometry): void {
    this.rings = new Rings(geometry, DIGITS);
    this.done = [];
    this.undone = [];
    this.show([...this.rings.places()]);
  }

  /** Draw something new. */
  start(tool: Tool): void {
    this.rings = null;
    this.draw.clear();
    this.draw.setMode(tool === "line" ? "linestring" : tool);
    this.map.getCanvas().focus();
  }

  /** The outline as it is drawn now; null: nothing of it is left. */
  geometry(): PolygonGeometry | null {
    return this.rings?.geometry(this.drawnRings()) ?? null;
  }

  get changed(): boolean {
    return this.done.length > 0;
  }

  /** End what is being drawn where it is. */
  finish(): void {
    this.map.getCanvas().dispatchEvent(new KeyboardEvent("keyup", { key: "Enter", bubbles: true }));
  }

  /** Take back the last moved, new or deleted corner. */
  undo(): void {
    if (!this.rings) this.draw.undo();
    else this.step(this.done, this.undone);
  }

  redo(): void {
    if (!this.rings) this.draw.redo();
    else this.step(this.undone, this.done);
  }

  stop(): void {
    this.draw.stop();
  }

  private step(from: Ring[][], to: Ring[][]): void {
    const rings = from.pop();
    if (!rings) return;
    to.push(this.shown);
    this.show(rings);
    this.listener.edited();
  }

  private keep(): void {
    this.done.push(this.shown);
    this.undone = [];
    this.shown = this.drawnRings();
    this.listener.edited();
  }

  private drawnRings(): Ring[] {
    const rings: Ring[] = [];
    for (const { geometry, properties } of this.draw.getSnapshot()) {
      const index = properties["ring"];
      if (geometry.type === "Polygon" && typeof index === "number") rings[index] = geometry.coordinates[0]!;
    }
    return rings;
  }

  private show(rings: Ring[]): void {
    this.shown = rings;
    this.draw.clear();
    const corners = rings.reduce((sum, ring) => sum + ring.length, 0);
    const midpoints = corners <= MOST_MIDPOINTS && { draggable: true };
    this.draw.updateModeOptions<typeof TerraDrawSelectMode>("select", {
      flags: {
        polygon: {
          feature: { selfIntersectable: true, coordinates: { draggable: true, deletable: true, midpoints } },
        },
      },
    });
    const added = this.draw.addFeatures(
      rings.map((ring, index) => ({
        type: "Feature",
        properties: { mode: "polygon", ring: index },
        geometry: { type: "Polygon", coordinates: [ring] },
      })),
    );
    this.draw.setMode("select");
    const outer = added.find(({ valid }) => valid)?.id;
    if (outer !== undefined) this.draw.selectFeature(outer);
  }

  private end(id: string | number): void {
    const geometry = this.draw.getSnapshotFeature(id)?.geometry;
    const places =
      geometry?.type === "Polygon" ? geometry.coordinates[0] : geometry?.type === "LineString" ? geometry.coordinates : null;
    // Not from within the event: the mode still holds what it drew.
    queueMicrotask(() => {
      if (places) this.listener.drawn(places);
    });
  }
}
