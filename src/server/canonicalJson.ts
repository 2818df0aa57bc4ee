import { createHash } from 'node:crypto';

/** JSON with the keys of every object in code unit order: equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 of the whole op as sent, whatever the order of its keys. Two ops under one key must share it. */
export function fingerprint(op: unknown): string {
  return createHash('sha256').update(canonicalJson(op)).digest('base64url');
}
