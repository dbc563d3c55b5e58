/** Without a container, and without anybody who asks for one: whoever started us is gone. */
const IDLE_MS = 120_000;

export interface IdleWatch {
  /** Somebody has come, or asked: the time begins anew. */
  readonly touch: () => void;
  close(): void;
}

/** Calls back once nothing has come for two minutes, and nobody needs us at their end. */
export function watchIdle(isNeeded: () => boolean, ended: () => void): IdleWatch {
  let timer: NodeJS.Timeout | undefined;
  const touch = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      touch();
      if (!isNeeded()) ended();
    }, IDLE_MS);
  };
  touch();
  return { touch, close: () => clearTimeout(timer) };
}
