import type { Change } from '../domain/changes.js';
import type { Row } from '../domain/entity.js';
import { mergePatch } from '../domain/mergePatch.js';
import { setField, toJson } from '../domain/serialize.js';
import { isObject } from '../domain/wire.js';
import type { Resource } from './restResource.js';

export interface Content {
  readonly type: string;
  readonly body: string;
}

/** Throws `NOT_SERIALIZABLE` for what JSON would alter (OB6). */
export function jsonContent(value: unknown, what: string, type = 'application/json'): Content {
  return { type, body: JSON.stringify(toJson(value, what)) };
}

/** A whole row, for POST and PUT. */
export function rowContent(
  row: Row,
  change: Change,
  { toBody, contentType }: Resource,
  what: string,
): Content {
  const isForPatchOnly = contentType === undefined || isMergePatch(contentType);
  return jsonContent(toBody(row, change), what, isForPatchOnly ? undefined : contentType);
}

/** The fields that change, for PATCH; see `contentType` of RestResource for how types differ. */
export function patchContent(
  change: Extract<Change, { kind: 'update' }>,
  { toBody, contentType = 'application/merge-patch+json' }: Resource,
  what: string,
): Content {
  const fields: Record<string, unknown> = { ...change.patch };
  for (const field of change.unset) setField(fields, field, null);
  const after: unknown = toJson(toBody(fields, change), what);
  const before: unknown = isMergePatch(contentType) ? toBody(change.previous, change) : undefined;
  if (!isObject(after) || !isObject(before)) return jsonContent(after, what, contentType);
  const body: Record<string, unknown> = {};
  for (const field of Object.keys(after))
    setField(body, field, mergePatch(Object.hasOwn(before, field) ? before[field] : undefined, after[field]));
  return jsonContent(body, what, contentType);
}

function isMergePatch(type: string): boolean {
  return /^application\/merge-patch\+json\b/i.test(type);
}
