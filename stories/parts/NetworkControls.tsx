import { useId, useSyncExternalStore, type ReactNode } from 'react';
import type { Network, NetworkSettings } from '../device/network.js';

function useNetwork(network: Network): NetworkSettings {
  return useSyncExternalStore((listener) => network.subscribe(listener), network.get);
}

export function OnlineSwitch({
  network,
  name,
}: {
  readonly network: Network;
  readonly name: string;
}): ReactNode {
  const { online } = useNetwork(network);
  return (
    <button
      type="button"
      className="switch"
      role="switch"
      aria-checked={online}
      aria-label={`${name} online`}
      onClick={() => network.set({ online: !online })}
    >
      <span aria-hidden="true">{online ? 'Online' : 'Offline'}</span>
      <span className="switch-track" aria-hidden="true" />
    </button>
  );
}

interface SliderProps {
  readonly label: string;
  readonly unit: string;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function Slider({ label, unit, max, step, value, onChange }: SliderProps): ReactNode {
  const id = useId();
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={max}
        step={step}
        value={value}
        aria-valuetext={`${value} ${unit}`}
        style={{ '--filled': `${(value / max) * 100}%` } as React.CSSProperties}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <output htmlFor={id}>
        {value} {unit}
      </output>
    </div>
  );
}

/** The faults of one device's network. */
export function NetworkControls({ network }: { readonly network: Network }): ReactNode {
  const { latencyMs, lossPercent, refuseNext } = useNetwork(network);
  return (
    <div className="network" role="group" aria-label="Network faults">
      <Slider
        label="Latency"
        unit="ms"
        max={3000}
        step={100}
        value={latencyMs}
        onChange={(value) => network.set({ latencyMs: value })}
      />
      <Slider
        label="Loss"
        unit="%"
        max={60}
        step={5}
        value={lossPercent}
        onChange={(value) => network.set({ lossPercent: value })}
      />
      <button
        type="button"
        className="button"
        aria-pressed={refuseNext}
        title="The next edit is refused on this device, as if by the server"
        onClick={() => network.refuseNext()}
      >
        Simulate a refusal
      </button>
    </div>
  );
}
