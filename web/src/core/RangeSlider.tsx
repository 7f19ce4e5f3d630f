/** A slider with two handles, each of them an input of its own for keys and screen readers. */

interface RangeSliderProperties {
  label: string;
  minimum: number;
  maximum: number;
  low: number;
  high: number;
  onChange: (low: number, high: number) => void;
  /** How a limit is read aloud and shown. */
  format: (value: number) => string;
  /** Names of the handles. */
  labels: [string, string];
  /** Steps are equal in the logarithm. */
  logarithmic?: boolean;
  colour?: string;
}

const STEPS = 500;

export function RangeSlider(properties: RangeSliderProperties) {
  const { label, low, high, onChange, format, labels, colour } = properties;
  const scale = positions(properties);
  const [from, to] = [scale.place(low), scale.place(high)];
  const style = { "--from": from / STEPS, "--to": to / STEPS, ...(colour ? { "--track": colour } : {}) };
  return (
    <div class="range-slider" role="group" aria-label={label} style={style}>
      <span class="range-track" aria-hidden="true" />
      <input
        type="range"
        min={0}
        max={STEPS}
        value={from}
        aria-label={`${label}: ${labels[0]}`}
        aria-valuetext={format(low)}
        onInput={(event) => {
          const place = Math.min(event.currentTarget.valueAsNumber, to - 1);
          event.currentTarget.valueAsNumber = place;
          onChange(place <= 0 ? scale.minimum : scale.value(place), high);
        }}
      />
      <input
        type="range"
        min={0}
        max={STEPS}
        value={to}
        aria-label={`${label}: ${labels[1]}`}
        aria-valuetext={format(high)}
        onInput={(event) => {
          const place = Math.max(event.currentTarget.valueAsNumber, from + 1);
          event.currentTarget.valueAsNumber = place;
          onChange(low, place >= STEPS ? scale.maximum : scale.value(place));
        }}
      />
    </div>
  );
}

function positions({ minimum, maximum, logarithmic }: RangeSliderProperties) {
  const curved = logarithmic === true && minimum > 0 && maximum / minimum > 20;
  const forward = (value: number) => (curved ? Math.log(value) : value);
  const back = (value: number) => (curved ? Math.exp(value) : value);
  const [start, end] = [forward(minimum), forward(maximum)];
  const length = end - start || 1;
  return {
    minimum,
    maximum,
    place: (value: number) =>
      Math.round(Math.min(STEPS, Math.max(0, ((forward(Math.max(value, minimum)) - start) / length) * STEPS))),
    value: (place: number) => back(start + (place / STEPS) * length),
  };
}
