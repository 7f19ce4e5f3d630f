/** What other parts of the page add to the bar above the map. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

interface TopBarItem {
  id: string;
  order: number;
  component: ComponentType;
}

export const topBarItems = signal<readonly TopBarItem[]>([]);

export function registerTopBarItem(item: TopBarItem): void {
  const others = topBarItems.peek().filter((one) => one.id !== item.id);
  topBarItems.value = [...others, item].sort((a, b) => a.order - b.order);
}
