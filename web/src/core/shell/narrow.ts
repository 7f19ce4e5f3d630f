const NARROW_PX = 720;

/** Whether panels are sheets over the map; the style sheets have the same width. */
export function isNarrow(): boolean {
  return typeof window !== "undefined" && window.innerWidth <= NARROW_PX;
}
