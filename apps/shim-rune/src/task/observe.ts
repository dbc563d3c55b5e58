import { causeChain, InclavareError } from "@inclavare/errors";
import { type AnyMethod, type Services, STATUS, type Status } from "@inclavare/ttrpc";
import type { Level, Log } from "../daemon/log.ts";
import { statusOf } from "./errors.ts";

/** Told of every call but Wait, which lasts as long as a process. */
export type CallObserver = (method: string, seconds: number, isOk: boolean) => void;

/** What containerd expects to hear now and then; whatever else fails, somebody will want to know why. */
const ORDINARY: readonly number[] = [
  STATUS.notFound,
  STATUS.alreadyExists,
  STATUS.failedPrecondition,
  STATUS.unimplemented,
];
/** Their failure is a container's or a process's. */
const MAKING = ["Create", "Start", "Exec"];

/** The same services, with failures in the log and, where somebody wants it, the time that each call took. */
export function observeServices(services: Services, log: Log, observer: CallObserver | undefined): Services {
  const wrapped = new Map<AnyMethod, AnyMethod>();
  const wrap = (name: string, method: AnyMethod): AnyMethod => {
    const known = wrapped.get(method) ?? observe(name, method, log, observer);
    wrapped.set(method, known);
    return known;
  };
  return Object.fromEntries(
    Object.entries(services).map(([service, methods]) => [
      service,
      Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, wrap(name, method)])),
    ]),
  );
}

function observe(name: string, method: AnyMethod, log: Log, observer: CallObserver | undefined): AnyMethod {
  const tell = name === "Wait" ? undefined : observer;
  return {
    ...method,
    async handle(request, context) {
      const startedAt = tell === undefined ? 0 : performance.now();
      try {
        const answer = await method.handle(request, context);
        tell?.(name, (performance.now() - startedAt) / 1000, true);
        return answer;
      } catch (error) {
        tell?.(name, (performance.now() - startedAt) / 1000, false);
        logFailure(log, name, request, error);
        throw error;
      }
    },
  };
}

function logFailure(log: Log, method: string, request: unknown, error: unknown): void {
  const status = statusOf(error);
  const { id = "", execId = "" } = request as { readonly id?: string; readonly execId?: string };
  const coded = codedCause(error);
  log.write(levelOf(method, status), causeChain(error).join(": "), {
    method,
    id,
    ...(execId === "" ? {} : { exec_id: execId }),
    status: String(status.code),
    ...(coded === undefined ? {} : { code: coded.code }),
    ...(coded === undefined || Object.keys(coded.details).length === 0
      ? {}
      : { details: JSON.stringify(coded.details) }),
  });
}

function levelOf(method: string, { code }: Status): Level {
  if (MAKING.includes(method)) return "error";
  return ORDINARY.includes(code) ? "debug" : "warning";
}

/** The outermost error of ours, below what the ttrpc server is thrown. */
function codedCause(error: unknown): InclavareError | undefined {
  for (let current = error; current instanceof Error; current = current.cause)
    if (current instanceof InclavareError) return current;
  return undefined;
}
