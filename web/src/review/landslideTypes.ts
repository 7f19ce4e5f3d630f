/** Types of landslide after Hungr, Leroueil and Picarelli (2014), an update of Varnes (1978),
 * doi:10.1007/s10346-013-0436-y. The English term is what is kept. */

export const LANDSLIDE_TYPES = [
  "rock fall",
  "topple",
  "rotational slide",
  "translational slide",
  "debris slide",
  "debris flow",
  "debris avalanche",
  "earth flow",
  "rock avalanche",
  "lateral spread",
  "mud flow",
  "debris flood",
  "slope deformation",
  "soil creep",
  "complex",
] as const;

export type LandslideType = (typeof LANDSLIDE_TYPES)[number];

/** Type of a number key: 1 to 9 and 0 for the tenth. */
export function typeOfKey(key: string): LandslideType | null {
  return LANDSLIDE_TYPES[key === "0" ? 9 : Number(key) - 1] ?? null;
}

export const isKnownType = (type: string): type is LandslideType =>
  (LANDSLIDE_TYPES as readonly string[]).includes(type);
