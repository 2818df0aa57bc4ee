// The testing kit: what makes a run of the engine the same every time, and every fault a line of code.
export {
  createMemoryDisk,
  memoryStorage,
  type MemoryDisk,
  type MemoryStorageOptions,
} from './adapters/memoryStorage.js';
export {
  crashingStorage,
  CRASH_POINTS,
  type CrashingStorage,
  type CrashingStorageOptions,
  type CrashPoint,
} from './testing/crashingStorage.js';
export { type Faults } from './testing/faults.js';
export {
  createFaultyTransport,
  type FaultyTransport,
  type FaultyTransportOptions,
} from './testing/faultyTransport.js';
export {
  createScriptedServer,
  type AppliedOp,
  type Refusal,
  type ScriptedCommand,
  type ScriptedServer,
  type ScriptedServerOptions,
  type WireOp,
} from './testing/scriptedServer.js';
export { seededRandom } from './testing/seededRandom.js';
export { type LoggedSend } from './testing/sendLog.js';
export { type ServerTransaction } from './testing/serverRows.js';
export {
  createSimulatedClock,
  type SimulatedClock,
  type SimulatedClockOptions,
} from './testing/simulatedClock.js';
export { runStorageContract, type ContractTools, type StorageFactory } from './testing/storageContract.js';
export { switchableConnectivity, type SwitchableConnectivity } from './testing/switchableConnectivity.js';
