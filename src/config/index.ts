/**
 * What an instance and a client are told before they run: the gateway configuration that all instances of a pool share, the settings of one
 * instance, its data directory, and the profile of whoever calls. It is *not* a store of secrets or records: that is the vault.
 *
 * Invariants: every mistake of a document is reported at once, with its place and the remedy, and never with a secret. A file that holds a secret is
 * refused while others can read it, and written whole, with mode 0600. One process at a time has a data directory.
 */
export { explainDialAddress, formatHostPort, type HostPort, parseHostPort } from './address.ts';
export { type DataDirectory, type DataDirectoryInit, openDataDirectory } from './data-directory/data-directory.ts';
export { readInstanceId } from './data-directory/identity.ts';
export { openStore, type Store, type StoreInit } from './data-directory/store.ts';
export {
  type GatewayConfig,
  type GatewayConfigSource,
  loadGatewayConfig,
  parseGatewayConfig,
  type RekeyedSecret,
  VAULT_PROVIDERS,
  type VaultProvider,
} from './gateway-config.ts';
export {
  createGateway,
  explainMaxInstances,
  GATEWAY_FILES,
  type NewGateway,
  type NewGatewayInit,
  type NewGatewaySource,
  type WrittenGateway,
  writeGateway,
} from './gateway-create.ts';
export { type Rekeyed, type RekeyInit, rekeyGateway } from './gateway-rekey.ts';
export { type Issued, issuedGrants, rememberGrant } from './grant-ledger.ts';
export { keeperConfigurationText } from './keeper-configuration-text.ts';
export { ConfigError, type Mistake, refuseMistakes } from './mistakes.ts';
export {
  type ClosedProfile,
  completeProfile,
  formatProfile,
  type KeylessProfile,
  loadClosedProfile,
  loadProfile,
  PROFILE_ROLES,
  type Profile,
  type ProfileChoice,
  type ProfileRole,
  parseProfile,
  profilePath,
  saveClosedProfile,
  saveKeylessProfile,
  saveProfile,
} from './profile.ts';
export { savePrivateFile } from './secret-file.ts';
export { addSettingsFlags, type FlagTexts, settingsFlags } from './settings/flags.ts';
export {
  chooseDataDirectory,
  type DataDirectoryChoice,
  loadSettings,
  type Settings,
  type SettingsInit,
} from './settings/settings.ts';
export { type System, thisSystem } from './settings/system.ts';
export { allSettings, LOG_FORMATS, LOG_LEVELS, type Setting, settingKey, settingsTable } from './settings/table.ts';
export {
  type KeyDocument,
  type KeyInAgent,
  keyIdOf,
  loadUserKey,
  openKey,
  protect,
  saveUserKey,
} from './user-key/key-document.ts';
export { addSignatures, type Signer, sealWith } from './user-key/signer.ts';
export { type AgentKey, agentSigner, chooseAgentKey } from './user-key/ssh-agent.ts';
