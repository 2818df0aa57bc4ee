import type { ReactNode } from 'react';
import type { AirportStatus } from '../inspection/model.js';

/** An airport's code, as the signs beside a taxiway write it: location, direction, or mandatory stop. */
export function Plate({
  code,
  status,
}: {
  readonly code: string;
  readonly status: AirportStatus;
}): ReactNode {
  return (
    <span className="plate" data-status={status}>
      {code}
    </span>
  );
}
