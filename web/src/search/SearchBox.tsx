/** Search in the bar: a polygon by its id or by text, or a place by its coordinates. */

import { effect, useSignal } from "@preact/signals";
import { Marker } from "maplibre-gl";
import { useEffect, useRef } from "preact/hooks";

import { api } from "../core/api";
import { formatArea } from "../core/format";
import { Icon } from "../core/icons";
import { inventory, inventoryId, select } from "../core/store";
import type { FeatureRow, LonLat } from "../core/types";
import { t } from "../i18n";
import { formatPlace, parsePlace } from "../map/coordinates";
import { mapView } from "../map/mapView";
import { foundPlace, searchOpen } from "./state";

type Result =
  | { kind: "place"; place: LonLat }
  | { kind: "polygon"; row: FeatureRow };

const SETTLE_MS = 200;
const MOST = 8;

export function SearchBox() {
  const text = useSignal("");
  const results = useSignal<readonly Result[]>([]);
  const open = useSignal(false);
  const searched = useSignal(false);
  const at = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const query = text.value.trim();
    searched.value = false;
    if (query === "") {
      results.value = [];
      return;
    }
    let current = true;
    const timer = setTimeout(async () => {
      const found = await search(query);
      if (!current) return;
      results.value = found;
      searched.value = true;
      at.value = 0;
    }, SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text.value, inventoryId.value]);
  useEffect(
    () =>
      effect(() => {
        if (searchOpen.value) input.current?.focus();
      }),
    [],
  );
  const take = (result: Result | undefined) => {
    if (!result) return;
    open.value = false;
    searchOpen.value = false;
    go(result);
  };
  const listed = open.value && text.value.trim() !== "" && (results.value.length > 0 || searched.value);
  return (
    <div class="search" data-open={searchOpen.value}>
      <button
        type="button"
        class="icon-button search-toggle"
        aria-label={t("search")}
        aria-expanded={searchOpen.value}
        onClick={() => {
          searchOpen.value = !searchOpen.value;
        }}
      >
        <Icon name="search" />
      </button>
      <div class="search-field">
        <Icon name="search" size={17} />
        <input
          ref={input}
          id="search"
          type="text"
          inputMode="search"
          role="combobox"
          autocomplete="off"
          spellcheck={false}
          placeholder={t("search.placeholder")}
          aria-label={t("search.label")}
          aria-expanded={listed}
          aria-controls="search-results"
          aria-autocomplete="list"
          aria-activedescendant={listed && results.value.length > 0 ? `result-${at.value}` : undefined}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            open.value = true;
          }}
          onFocus={() => {
            open.value = true;
          }}
          onBlur={() => {
            // A click on a result comes first.
            setTimeout(() => {
              open.value = false;
              searchOpen.value = false;
            }, 150);
          }}
          onKeyDown={async (event) => {
            const count = results.value.length;
            if (event.key === "ArrowDown" && count > 0) at.value = (at.value + 1) % count;
            else if (event.key === "ArrowUp" && count > 0) at.value = (at.value + count - 1) % count;
            else if (event.key === "Enter") {
              event.preventDefault();
              const field = event.currentTarget;
              const found = searched.value ? results.value[at.value] : (await search(text.value.trim()))[0];
              // The next key is for the map or the review.
              if (found) field.blur();
              take(found);
              return;
            } else if (event.key === "Escape") {
              open.value = false;
              event.currentTarget.blur();
              return;
            } else return;
            event.preventDefault();
          }}
        />
      </div>
      {listed && (
        <ul class="search-results" id="search-results" role="listbox" aria-label={t("search.results")}>
          {results.value.map((result, index) => (
            <li
              key={index}
              id={`result-${index}`}
              role="option"
              aria-selected={index === at.value}
              onPointerDown={(event) => {
                event.preventDefault();
                take(result);
              }}
            >
              {result.kind === "place" ? (
                <>
                  <Icon name="sample" size={17} />
                  <span>{formatPlace(result.place, "decimal")}</span>
                  <span class="muted">{t("search.place")}</span>
                </>
              ) : (
                <>
                  <Icon name="polygon" size={17} />
                  <span>{t("details.title", { id: String(result.row.id) })}</span>
                  <span class="muted">{polygonHint(result.row)}</span>
                </>
              )}
            </li>
          ))}
          {results.value.length === 0 && (
            <li class="muted" role="option" aria-selected={false} aria-disabled={true}>
              {t("search.nothing")}
            </li>
          )}
        </ul>
      )}
      <FoundPlace />
    </div>
  );
}

function polygonHint(row: FeatureRow): string {
  const area = row["area_m2"];
  return typeof area === "number" ? formatArea(area) : t(`verdict.${row.verdict}`);
}

async function search(text: string): Promise<Result[]> {
  const results: Result[] = [];
  const place = parsePlace(text, inventory.peek()?.crs ?? null);
  if (place) results.push({ kind: "place", place });
  const id = inventoryId.peek();
  if (id === null || place) return results;
  const number = /^#?\s*(\d+)$/.exec(text)?.[1];
  const [byId, byText] = await Promise.all([
    number === undefined ? null : api.feature(id, Number(number)).catch(() => null),
    api.features(id, { text, limit: MOST }).catch(() => null),
  ]);
  if (byId) results.push({ kind: "polygon", row: byId });
  for (const row of byText?.rows ?? []) {
    if (row.id !== byId?.id && results.length < MOST) results.push({ kind: "polygon", row });
  }
  return results;
}

function go(result: Result): void {
  if (result.kind === "polygon") {
    select([result.row.id]);
    foundPlace.value = null;
    mapView.peek()?.fitTo(result.row.bounds, { maxZoom: 16 });
    return;
  }
  foundPlace.value = result.place;
  const map = mapView.peek()?.map;
  map?.flyTo({ center: result.place, zoom: Math.max(map.getZoom(), 15), duration: 700 });
}

/** A pin at the place that was found; Esc takes it away. */
function FoundPlace() {
  useEffect(() => {
    let marker: Marker | null = null;
    return effect(() => {
      marker?.remove();
      marker = null;
      const [view, place] = [mapView.value, foundPlace.value];
      if (!view || !place) return;
      const element = document.createElement("div");
      element.className = "place-marker";
      marker = new Marker({ element }).setLngLat(place).addTo(view.map);
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", formatPlace(place, "decimal"));
      element.removeAttribute("tabindex");
    });
  }, []);
  return null;
}
