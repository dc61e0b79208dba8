const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One Ctrl-C may come twice: by the terminal's process group, and passed on by the process that started this one. */
const SAME_PRESS_MS = 500;

/**
 * Runs `close` once at the first signal, then exits: with 0, or with 1 where closing failed or took too long. Another
 * signal, half a second later or more, exits at once.
 */
export const onShutdown = (
  close: (signal: NodeJS.Signals) => Promise<void>,
  { deadlineMs = 15_000, exit = (code: number): void => process.exit(code), now = Date.now } = {},
): void => {
  let closingSince: number | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (closingSince !== undefined) {
        if (now() - closingSince >= SAME_PRESS_MS) exit(1);
        return;
      }
      closingSince = now();
      setTimeout(() => exit(1), deadlineMs).unref();
      close(signal).then(
        () => exit(0),
        () => exit(1),
      );
    });
  }
};
