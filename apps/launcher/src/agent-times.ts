/** An agent without a claim and without a launcher ends after this. */
export const UNCLAIMED_SECONDS = 300;
/** How long an agent stays after its kernel crashed, so that clients get the rest of the output. */
export const LINGER_SECONDS = 60;
