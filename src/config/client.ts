/** What a short-lived command needs of the configuration: the profile of whoever calls. Apart from the rest, which is slow to load. */
export { explainDialAddress } from './address.ts';
export { loadClosedProfile, profilePath, replacePoolKey } from './profile.ts';
export { type KeyDocument, openKey } from './user-key/key-document.ts';
export { sealWith } from './user-key/signer.ts';
export { agentSigner } from './user-key/ssh-agent.ts';
