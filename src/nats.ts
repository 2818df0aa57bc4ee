/**
 * Wakes the instances of a sync server through NATS.
 *
 * @packageDocumentation
 */
export { natsChangeBus, type NatsChangeBusOptions } from './server/natsChangeBus.js';
