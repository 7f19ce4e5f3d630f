/** What other parts of the page add to the details of a polygon. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

import type { FeatureDetail } from "../core/types";

interface DetailSection {
  id: string;
  order: number;
  component: ComponentType<{ polygon: FeatureDetail }>;
}

export const detailSections = signal<readonly DetailSection[]>([]);

/** Sections are above the attributes. */
export function registerDetailSection(section: DetailSection): void {
  const others = detailSections.peek().filter((one) => one.id !== section.id);
  detailSections.value = [...others, section].sort((a, b) => a.order - b.order);
}
