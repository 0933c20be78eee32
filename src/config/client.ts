/** What a short-lived command needs of the configuration: the profile of whoever calls. Apart from the rest, which is slow to load. */
export { explainDialAddress } from './address.ts';
export { isProfileLocked, loadProfile, profilePath } from './profile.ts';
