/** What clients and workers agree on about the parameters of jobs. */

/** Name of the parameter that tells a tunnel's lease from its connections. */
export const ROLE_PARAMETER = 'role';
/** Value of the role parameter of a lease: it dials nothing and runs until its stream closes. */
export const ROLE_CONTROL = 'control';
