/** The client towards the gatekeeper: facts are emitted there. */
export const GATEKEEPER = Symbol('Gatekeeper');
