import type { GatewayConfig, Settings, Store } from '../config/index.ts';

/** Where an instance looks for others, and where it may be found itself. */
export interface AddressesInit {
  readonly config: Pick<GatewayConfig, 'bootstrap'>;
  readonly settings: Pick<Settings, 'peers'>;
  readonly store: Pick<Store, 'addresses' | 'rememberAddresses'>;
  /** Where it listens at this moment. */
  own(): AddressesTold;
  tell(told: AddressesTold): void;
  onProblem(problem: string): void;
}

/** Addresses of both planes, as they are told to the others. */
export interface AddressesTold {
  readonly mesh: readonly string[];
  readonly access: readonly string[];
}

/** Addresses of one plane that are told to the others. */
const ADDRESSES_TOLD_MAX = 16;

/** The addresses of an instance and of those it knows. */
export class Addresses {
  readonly #init: AddressesInit;
  #told = '';

  constructor(init: AddressesInit) {
    this.#init = init;
  }

  /** Addresses change when interfaces come and go: told whenever they differ from what was told last. */
  announce(): void {
    const own = this.#init.own();
    const [mesh, access] = [own.mesh.slice(0, ADDRESSES_TOLD_MAX), own.access.slice(0, ADDRESSES_TOLD_MAX)];
    const told = [...mesh, '|', ...access].join(' ');
    if (told === this.#told) return;
    this.#told = told;
    this.#init.tell({ mesh, access });
  }

  /** Where others may be: those of the configuration and the settings, and those remembered. */
  seeds(): readonly string[] {
    const { config, settings, store } = this.#init;
    return [...new Set([...config.bootstrap, ...settings.peers, ...store.addresses()])];
  }

  /** Keeps addresses for the next start. */
  remember(addresses: readonly string[]): void {
    try {
      this.#init.store.rememberAddresses(addresses);
    } catch (error) {
      this.#init.onProblem(error instanceof Error ? error.message : String(error));
    }
  }
}
