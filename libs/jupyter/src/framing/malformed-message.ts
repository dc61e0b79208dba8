import { Problem } from '#libs/contracts';

/** A frame that breaks its framing, or a message without what every Jupyter message has; `field` says where. */
export class MalformedMessage extends Problem.define<{ field: string }>('malformed-message', 400) {}
