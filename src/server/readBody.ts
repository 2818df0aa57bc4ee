import { problem } from './problem.js';
import type { Problem } from './protocol.js';

/** A parsed body, or why there is none. */
export type Body =
  { readonly ok: true; readonly json: unknown } | { readonly ok: false; readonly problem: Problem };

/** Reads a JSON body of at most `maxBytes` (after decompression); never holds more than that. */
export async function readBody(request: Request, maxBytes: number): Promise<Body> {
  const fail = (...args: Parameters<typeof problem>): Body => ({ ok: false, problem: problem(...args) });
  const mediaType = (request.headers.get('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (!/^application\/([\w.-]+\+)?json$/.test(mediaType))
    return fail('unsupported-media-type', `Received ${mediaType || 'no content type'}.`);
  const encoding = request.headers.get('Content-Encoding')?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip')
    return fail('unsupported-media-type', `The content encoding ${encoding} is not supported; gzip is.`);
  const tooLarge = (): Body => fail('body-too-large', `At most ${maxBytes} bytes.`, { maxBytes });
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) return tooLarge();
  if (request.body === null) return fail('malformed-json', 'The body is empty.');

  const stream =
    encoding === 'gzip' ? request.body.pipeThrough(new DecompressionStream('gzip')) : request.body;
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readAtMost(stream, maxBytes);
  } catch {
    return fail('malformed-request', 'The body could not be read to its end.');
  }
  if (bytes === undefined) return tooLarge();
  try {
    return { ok: true, json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch {
    return fail('malformed-json');
  }
}

async function readAtMost(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
}
