/**
 * Drives the core in production: one loop that turns events into inputs and effects into I/O, the choice of whom to dial, and the measure
 * of how busy the process is. It takes no protocol decision.
 */
export { Addresses, type AddressesInit, type AddressesTold } from './addresses.ts';
export { type Busyness, startBusyness } from './busyness.ts';
export { Contacts, type ContactsInit } from './contacts.ts';
export { createMachine, type MachineInit } from './machine.ts';
export { type DriverInit, monotonicMs, PoolDriver } from './pool-driver.ts';
export { PoolSecrets } from './pool-secrets.ts';
export { Rekeying, type RekeyingInit, type RekeyingLog } from './rekeying.ts';
export { howToSearch } from './search.ts';
