/** Texts of the page in English and Chinese. Each area has its own file. */

import { language } from "../core/store";
import { common } from "./common";
import { jobs } from "./jobs";
import { map } from "./map";
import { review } from "./review";
import { sample } from "./sample";

export const dictionaries = {
  en: { ...common.en, ...map.en, ...review.en, ...sample.en, ...jobs.en },
  zh: { ...common.zh, ...map.zh, ...review.zh, ...sample.zh, ...jobs.zh },
} as const;

export type Key = keyof typeof dictionaries.en;
export type Values = Record<string, string | number>;

/** Text of a key in the chosen language; `{name}` is replaced by the value of that name. Where
 * `values.count` is 1 and there is a key with `.one` at its end, that is taken. */
export function t(key: Key, values: Values = {}): string {
  const texts: Record<string, string> = dictionaries[language.value];
  const singular = values["count"] === 1 ? texts[`${key}.one`] : undefined;
  const text = singular ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? value.toLocaleString(locale()) : value;
  });
}

/** Text of a key that the server gave; the key's last part where there is no text for it. */
export function tServer(key: string): string {
  const texts: Record<string, string> = dictionaries[language.value];
  return texts[key] ?? key.split(".").at(-1)?.replaceAll("_", " ") ?? key;
}

export function locale(): string {
  return language.value === "zh" ? "zh-CN" : "en-GB";
}
