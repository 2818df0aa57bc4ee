/** `fetch` with the server of one row behind it. */
export const fetchOf = (line) => async (input, init) => {
  const request = new Request(new URL(input.url ?? input, location.href), input.url ? input : init);
  if (request.method === 'GET') return Response.json(await line.read());
  const change = JSON.parse(await request.text());
  try {
    return Response.json(await line.write(change, request.headers.get('idempotency-key') ?? undefined));
  } catch (error) {
    if (error.status === undefined) throw error;
    return new Response(null, { status: error.status, headers: error.headers });
  }
};
