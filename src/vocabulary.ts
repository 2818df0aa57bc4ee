// What `holdfast` and `holdfast/core` share: the words an app is written in.
export {
  defineCollection,
  type AnyCollection,
  type Collection,
  type CollectionOptions,
  type RowOf,
} from './domain/collection.js';
export type { AuditEntry, AuditRow } from './domain/audit.js';
export type { FieldDiff } from './domain/conflict.js';
export {
  mergeFields,
  type ConflictResolver,
  type ConflictStrategy,
  type FieldResolver,
  type MergeFields,
  type MergeFieldsOptions,
  type NamedStrategy,
  type Resolved,
  type ResolverContext,
} from './domain/conflictStrategy.js';
export { listById, type ListById } from './domain/listById.js';
export type { Resolution, RowResolution } from './domain/resolution.js';
export {
  defineMutation,
  insert,
  remove,
  update,
  type AnyDefinition,
  type Definition,
  type DefinitionOptions,
  type MutationFnContext,
} from './domain/definition.js';
export type { Change } from './domain/changes.js';
export type { ServerRow, Version } from './domain/entity.js';
export {
  DualFailureError,
  SYNC_ERROR_CODES,
  SyncError,
  type Recovery,
  type SyncErrorCode,
} from './domain/errors.js';
export type { AssignedId } from './domain/identity.js';
export type { Priority, Token } from './domain/mutation.js';
export type { FieldCondition, OrderBy, Query, Where } from './domain/query.js';
export type { StandardSchema } from './domain/standardSchema.js';
export type { BreakerStatus, EntityStatus, SyncPhase, SyncStatus } from './domain/status.js';
export type { Transaction } from './domain/transaction.js';
export type { SyncClient, SyncRequest, SyncResult, Watchable } from './engine/client.js';
export type { SyncEventName, SyncEvents } from './engine/events.js';
export type { ConflictFilter, ConflictRowView, ConflictView } from './engine/conflictView.js';
export type { DeadLetterFilter, DeadLetterView } from './engine/deadLetterView.js';
export type { MutateOptions } from './engine/mutateOptions.js';
export type { SyncClientOptions } from './engine/options.js';
export type { PendingFilter, PendingMutationView, PendingState } from './engine/pendingView.js';
export type {
  ChangeSource,
  Clock,
  Connectivity,
  Lease,
  Logger,
  PullPage,
  PullReply,
  PullRequest,
  Random,
  Reply,
  SnapshotPage,
  StorageState,
  StorageWrite,
  SyncStorage,
  TabChannel,
  Transport,
} from './engine/ports.js';
export type { PullOperation, PullProgress, PullResult, SessionPhase, Verified } from './domain/session.js';
export type { MutationHandle } from './engine/settlement.js';
export type { StoreState } from './engine/storeApi.js';
export type { ProcessingSummary } from './engine/summary.js';
export type { CollectionView } from './engine/table.js';
