/** What the browser remembers between visits. Storage may be full, blocked or absent. */

import { effect, signal, type Signal } from "@preact/signals";

const PREFIX = "landslip.";

export function remembered<T>(name: string, fallback: T, valid: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(PREFIX + name);
    if (text === null) return fallback;
    const value: unknown = JSON.parse(text);
    return valid(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The value still holds until the page is closed.
  }
}

export const isText = (value: unknown): value is string => typeof value === "string";
export const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
export const isNumber = (value: unknown): value is number => Number.isFinite(value);
export const oneOf =
  <T extends string>(...choices: readonly T[]) =>
  (value: unknown): value is T =>
    choices.includes(value as T);

/** A signal that is remembered. */
export function persistent<T>(name: string, fallback: T, valid: (value: unknown) => value is T): Signal<T> {
  const value = signal(remembered(name, fallback, valid));
  effect(() => remember(name, value.value));
  return value;
}

export const persistentFlag = (name: string, fallback: boolean) => persistent(name, fallback, isFlag);
