/**
 * Whether a page of an origin that is not let in sent this. Cross-origin rules do not hold for WebSockets, so the
 * server has to look (RFC 6455, section 10.2). No `Origin`: not a browser.
 */
export function isFromElsewhere(request: Request, allowed: string | readonly string[] = []): boolean {
  const origin = request.headers.get('Origin');
  if (origin === null || allowed === '*' || [allowed].flat().includes(origin)) return false;
  // not the scheme: behind a proxy that ends TLS it differs
  return !URL.canParse(origin) || new URL(origin).host !== new URL(request.url).host;
}
