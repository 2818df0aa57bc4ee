/** The server has named a row that the client had inserted under an id of its own (ID1). */
export interface AssignedId {
  readonly collection: string;
  /** The client's id. */
  readonly from: string;
  /** The server's id. */
  readonly to: string;
}
