// Bugs that queues like this one have had in the field, and those that the simulation found in this one. Each is a
// small patch; see scripts/mutants.mjs.

const outbox = 'src/engine/outbox.ts';
const worker = 'src/engine/worker.ts';
const departures = 'src/engine/departures.ts';
const puller = 'src/engine/puller.ts';
const store = 'src/engine/store.ts';
const reconcile = 'src/domain/reconcile.ts';
const sender = 'src/engine/sender.ts';

const SEAL = 'write: { put: { seals: [{ id, sealed: frozen.map((f) => f.sealed) }] } }';
const DEPART = 'store.change({ drop, rows });';
const FAILURE = "    case 'failure':\n";
const IN_TURN = '!mutation.cancelling && !mutation.lanes.some((lane) => blocked.has(lane))';
const patch = (file, find, replace) => ({ file, find, replace });

/** `{name: patches}` */
export const PLANTED_BUGS = {
  'shift before send': [
    patch(
      outbox,
      SEAL,
      'write: takeOut(ledger, frozen.map((f) => f.mutation), [{ id, sealed: frozen.map((f) => f.sealed) }])',
    ),
    patch(
      outbox,
      'export function createOutbox(',
      `function takeOut(ledger: Ledger, mutations: readonly PendingMutation[], seals: never): StorageWrite {
        const { put, remove } = removal(ledger, mutations);
        return { put: { ...put, seals }, remove };
      }
      export function createOutbox(`,
    ),
    patch(outbox, 'import { applyWrite, META', 'import { applyWrite, removal, META'),
  ],
  'enqueued before the transaction': [
    patch(
      outbox,
      'const receipt = await storage.write({ append:',
      'options.saved(group);\n    const receipt = await storage.write({ append:',
    ),
  ],
  'sent before the seal is stored': [
    patch(
      outbox,
      '      await commit(\n        () => {\n          const fresh',
      '      void commit(\n        () => {\n          const fresh',
    ),
    patch(
      outbox,
      '          return { frozen, id, write',
      "          for (const { mutation, sealed } of frozen) mutation.phase = { kind: 'sealed', sealed, sealId: id };\n          return { frozen, id, write",
    ),
    patch(
      outbox,
      '      return inTurn(ledger, batch).filter(\n',
      '      await tail.then(() => undefined, () => undefined);\n      return inTurn(ledger, batch).filter(\n',
    ),
  ],
  'non-atomic ack': [patch(outbox, DEPART, 'store.change({ drop });\n    store.change({ rows });')],
  'rows written, not shown': [patch(outbox, DEPART, 'store.change({ drop });')],
  'lanes ignored': [
    patch(
      'src/domain/schedule.ts',
      'const free =\n      !mutation.sending &&',
      'const free =\n      !mutation.sending || lanes.length > 99 ||',
    ),
    patch(outbox, IN_TURN, 'true'),
  ],
  'no version guard': [
    patch(
      'src/domain/entity.ts',
      'if (known?.version === undefined) return true;',
      'if (known?.version !== "never") return true;',
    ),
  ],
  'new key per attempt': [
    patch(
      sender,
      'ops.push({ token, rev, body });',
      'ops.push({ token, rev: rev + (mutation.failures?.count ?? 0), body });',
    ),
  ],
  'no retry timer': [
    patch(worker, 'return gateAt > now ? Math.min(gateAt, nextDueAt) : nextDueAt;', 'return Infinity;'),
  ],
  'no backoff': [
    patch(worker, 'dueAt: floorAt + backoffMs(count, options.retry, options.random)', 'dueAt: floorAt'),
  ],
  'drop on 401': [
    patch(
      reconcile,
      "return { kind: 'hold', error: answerError(mutation, reply, 'UNAUTHORIZED') };\n    case 426",
      "return refused('REFUSED');\n    case 426",
    ),
  ],
  'HTML 200 accepted': [
    patch(
      reconcile,
      FAILURE,
      `${FAILURE}      if (reply.failure === 'unexpected') return { kind: 'accepted', rows: [], result: undefined };\n`,
    ),
  ],
  'drop on network error': [
    patch(
      reconcile,
      FAILURE,
      `${FAILURE}      if (reply.failure === 'network')
        return { kind: 'refused', rows: [], error: failureError(mutation, reply) };\n`,
    ),
  ],
  'in flight for ever after a restart': [
    patch(
      'src/engine/learn.ts',
      'readSeals(state, ledger);\n',
      "readSeals(state, ledger);\n  for (const mutation of add) if (mutation.phase.kind === 'sealed') mutation.sending = true;\n",
    ),
  ],
  'seal forgotten at restart': [
    patch(
      'src/engine/learn.ts',
      "mutation?.phase.kind === 'queued' &&",
      'false && mutation !== undefined &&',
    ),
  ],
  'a sealed one is sealed anew': [
    patch(outbox, "m.phase.kind === 'queued' && !m.cancelling", "m.phase.kind !== 'saving' && !m.cancelling"),
  ],
  'a sealed one is cancelled': [
    patch(departures, " || mutation.phase.kind !== 'queued') return undefined;", ') return undefined;'),
    patch('src/engine/mutator.ts', "if (mutation.phase.kind === 'sealed') throw alreadySent();", ''),
  ],
  'server: effect and record apart': [
    patch(
      'src/testing/scriptedServer.ts',
      'if (!isUndecided(answer)) records',
      'if (!isUndecided(answer) && (answer.status !== 200 || journal.length % 5 > 0)) records',
    ),
  ],
  'server: a refusal is forgotten': [
    patch(
      'src/testing/scriptedServer.ts',
      'if (!isUndecided(answer)) records',
      'if (answer.status === 200 || answer.status === 422) records',
    ),
  ],
  'server: cursor ahead of the page': [
    patch(
      'src/testing/serverRows.ts',
      'cursor: `e${epoch}.${next}`, upToDate: next === feed.length',
      'cursor: `e${epoch}.${feed.length}`, upToDate: true',
    ),
  ],
  'cursor before its rows': [
    patch(
      outbox,
      '    async receive(page, from) {\n',
      '    async receive(page, from) {\n      await commit(\n        () => ({ write: { put: { meta: [{ key: "cursor", value: page.cursor }] } } }),\n        () => undefined,\n      );\n',
    ),
  ],
  'a page from an old cursor': [patch(departures, 'ledger.cursor !== from', 'from === "never"')],
  'settled without compare-and-swap': [
    patch(
      departures,
      'return ledger.pending.get(mutation.token) === mutation && mutation.record.rev === rev;',
      'return ledger.pending !== undefined && mutation.record.rev === rev;',
    ),
  ],
  'revision ignored': [patch(outbox, '{ ...planned.write, ifRevision: ledger.revision }', 'planned.write')],
  'no dead letter': [patch(departures, 'rows, { deadLetters,', 'rows, {')],
  'settled without a word': [
    patch(
      outbox,
      'for (const one of leaving) options.left(one);\n    options.changed();\n  }\n\n  /** Stores',
      'options.changed();\n  }\n\n  /** Stores',
    ),
  ],
  'told twice': [patch(outbox, DEPART, `for (const one of leaving) options.left(one);\n    ${DEPART}`)],
  'rollback by inverse patch': [
    patch(
      store,
      'refold(from, new Set(drop), before);',
      `if (drop.length === 0 || rows.length > 0) refold(from, new Set(drop), before);
      else
        for (const mutation of drop)
          for (const change of mutation.effect.changes) {
            const over = tables.get(change.collection)?.overlay.get(change.id);
            if (over === undefined) continue;
            over.pending.splice(over.pending.indexOf(mutation), 1);
            if (change.kind === 'insert') over.view = undefined;
            else if (change.kind === 'delete') over.view = change.previous;
            else if (over.view !== undefined) over.view = { ...over.view, ...change.previous };
          }`,
    ),
  ],
  'named mutations are not run again': [
    patch(
      'src/domain/fold.ts',
      'mutation.rerun?.(read);',
      'mutation.rerun === undefined ? undefined : mutation.effect;',
    ),
  ],
  'a tombstone is no row': [
    patch(
      'src/domain/entity.ts',
      'if (known?.version === undefined) return true;',
      'if (known?.row === undefined || known.version === undefined) return true;',
    ),
  ],
  'status counts records': [
    patch('src/engine/reporter.ts', 'pending: ledger.pending.size,', 'pending: ledger.log.size,'),
  ],
  'Retry-After ignored': [
    patch(worker, 'clock.monotonic() + retryAfterMs);', 'clock.monotonic() + 0 * retryAfterMs);'),
  ],
  'online shortens Retry-After': [
    patch(worker, 'gate = { ...gate, dueAt: gate.floorAt };', 'gate = { ...gate, dueAt: 0 };'),
  ],
  'a timer is left': [patch(sender, '    } finally {\n      timer.abort();', '    } finally {')],
  'timeout without end of the wait': [
    patch(sender, 'if (!timer.signal.aborted) request.abort(cause);', ''),
    patch(
      sender,
      "return all({ kind: 'failure', failure: 'timeout', cause });",
      'return new Promise<never>(() => undefined);',
    ),
  ],
  // Found by the simulation in this library.
  'pull: Retry-After ignored': [
    patch(puller, 'if (retryAfterMs !== undefined) floor =', 'if (retryAfterMs === -1) floor ='),
  ],
  'pull: waits for ever': [
    patch(
      puller,
      "return { kind: 'failed', reply: { kind: 'failure', failure: 'timeout', cause } };",
      'return new Promise<never>(() => undefined);',
    ),
    patch(puller, 'request.abort(cause);', ''),
  ],
  'pull: ends on a full disk': [
    patch(puller, 'await pullAll(signal).catch(notStored);', 'await pullAll(signal);'),
    patch(puller, 'function notStored(', 'export function notStored('),
  ],
  'another tab is overtaken': [
    patch(outbox, 'const fresh = inTurn(ledger, batch).filter(', 'const fresh = batch.filter('),
    patch(outbox, '      return inTurn(ledger, batch).filter(\n', '      return batch.filter(\n'),
  ],
  'a failed rollback is overtaken': [
    patch(outbox, '!mutation.cancelling && !mutation.lanes', '!mutation.lanes'),
  ],
  'a failed rollback wakes nobody': [
    patch(outbox, '        options.changed(); // where it could not', '        // where it could not'),
  ],
  'an old answer covers newer rows': [
    patch(
      departures,
      'return versions === undefined\n',
      'return versions === undefined || versions.length > 0\n',
    ),
  ],
  'a lost hint is never made good': [
    patch(outbox, 'await serial(() => load(ledger.revision));\n      options.announce();', ''),
  ],
  'a floor forgotten': [patch(worker, 'Math.max(former?.floorAt ?? 0, ', 'Math.max(0, ')],
  'needsAuth for ever': [patch(worker, 'return needsAuth && ledger.pending.size > 0;', 'return needsAuth;')],
  'a hint after dispose': [
    patch('src/engine/createSyncClient.ts', '!isReady || life.signal.aborted) return;', '!isReady) return;'),
  ],
};
