/** A few choices in a row, one of them chosen; arrow keys move between them. */

interface SegmentedProperties<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Segmented<T extends string>({ label, value, choices, onChange }: SegmentedProperties<T>) {
  const move = (event: KeyboardEvent, by: number) => {
    const at = choices.findIndex((one) => one.value === value);
    const next = choices[(at + by + choices.length) % choices.length];
    if (!next) return;
    event.preventDefault();
    onChange(next.value);
    const group = event.currentTarget as HTMLElement;
    queueMicrotask(() => group.querySelector<HTMLElement>("[aria-checked=true]")?.focus());
  };
  return (
    <div
      class="segmented"
      role="radiogroup"
      aria-label={label}
      data-own-keys
      onKeyDown={(event) => {
        if (event.key === "ArrowRight" || event.key === "ArrowDown") move(event, 1);
        else if (event.key === "ArrowLeft" || event.key === "ArrowUp") move(event, -1);
      }}
    >
      {choices.map((one) => (
        <button
          key={one.value}
          type="button"
          role="radio"
          aria-checked={one.value === value}
          tabIndex={one.value === value ? 0 : -1}
          onClick={() => onChange(one.value)}
        >
          {one.label}
        </button>
      ))}
    </div>
  );
}
