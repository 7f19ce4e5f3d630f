/** Both languages of one area: the compiler refuses a key that only one has. */
export function area<K extends string>(en: Record<K, string>, zh: Record<NoInfer<K>, string>) {
  return { en, zh };
}
