import { useEffect, useRef } from "preact/hooks";
import { Map as MapLibreMap } from "maplibre-gl";

/** The page: toolbar, map, panels. */
export function App() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const map = new MapLibreMap({ container: place.current, style: { version: 8, sources: {}, layers: [] } });
    return () => map.remove();
  }, []);
  return <main ref={place} class="map" />;
}
