/** Who a request is from. */
export interface Subject {
  /** The account. Idempotency keys of different subjects never meet. */
  readonly subject: string;
  /**
   * Whose data it works on. Rows, ops and feeds of different tenants never meet, whatever ids and scopes they use.
   * At most 64 characters.
   * @default '' (everybody shares everything that `authorize` allows)
   */
  readonly tenant?: string;
}

/** A {@link Subject} with nothing left out. */
export type Caller = Required<Subject>;

const LONGEST_TENANT = 64; // with type and id it must fit a B-tree entry

/** Fills in the tenant. @throws RangeError on one that could be taken for something else. */
export function toCaller({ subject, tenant = '' }: Subject): Caller {
  if (tenant.length > LONGEST_TENANT || isUnnameable(tenant))
    throw new RangeError(
      `a tenant has at most ${LONGEST_TENANT} characters and no control characters; received ${JSON.stringify(tenant)}`,
    );
  return { subject, tenant };
}

/** Whether no scope and no tenant may be called so. */
export function isUnnameable(name: string): boolean {
  return /[\p{Cc}\p{Cs}]/u.test(name); // \p{Cs}: a lone surrogate, which text in the database cannot keep
}

/**
 * The name a tenant's scope has in the database. A requested scope has no control character, so nobody can name the
 * feed of another tenant.
 */
export function feedName(tenant: string, scope: string): string {
  return tenant === '' ? scope : `${scope}\n${tenant}`;
}
