// What the demo's server allows and does. For `createSyncServer({ validate, commands })`.

const EMAIL = /[^\s@]+@[^\s@]+\.[^\s@]+/;
const STATUSES = ['open', 'watch', 'closed'];
const LONGEST_NOTE = 280;

/** Why a change is refused, or undefined. */
export function validate(change, row) {
  if (change.type !== 'airports' || row === undefined) return undefined;
  const { notes = '', status } = row;
  if (typeof notes !== 'string' || notes.length > LONGEST_NOTE)
    return `A note has at most ${LONGEST_NOTE} characters.`;
  if (EMAIL.test(notes)) return 'Notes are public: leave out e-mail addresses.';
  if (!STATUSES.includes(status)) return `An airport is ${STATUSES.join(', ')}.`;
  return undefined;
}

export const commands = {
  /** One finding and its airport's count, together. The count is taken here: two devices may add at the same time. */
  async addFinding(tx, { id, airportId, text, severity, author, createdAt }, { refuse }) {
    const airport = await tx.get('airports', airportId);
    if (!airport) return refuse(`There is no airport ${airportId}.`);
    if (airport.data.status === 'closed') return refuse(`${airportId} is closed: it takes no more findings.`);
    await tx.insert('findings', id, { id, airportId, text, severity, author, createdAt });
    await tx.update('airports', airportId, { findings: (airport.data.findings ?? 0) + 1 });
    return undefined;
  },
};
