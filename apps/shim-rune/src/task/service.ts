import { type AnyMethod, type Services, unary } from "@inclavare/ttrpc";
import { empty } from "../messages/common.ts";
import * as messages from "../messages/task.ts";
import type { Tasks } from "./tasks.ts";

/** The Task service under both of its names. @param called told of every call */
export function taskServices(tasks: Tasks, called: () => void): Services {
  const { processRequest, containerRequest } = messages;
  const none = {};
  const methods = {
    Create: unary(messages.createRequest, messages.createResponse, (request, { signal }) =>
      tasks.create(request, signal),
    ),
    Start: unary(processRequest, messages.startResponse, (request) => tasks.start(request)),
    Delete: unary(processRequest, messages.deleteResponse, (request, { signal }) => tasks.delete(request, signal)),
    State: unary(processRequest, messages.stateResponse, (request) => tasks.state(request)),
    Wait: unary(processRequest, messages.waitResponse, (request) => tasks.wait(request)),
    Exec: unary(messages.execRequest, empty, (request) => {
      tasks.exec(request);
      return none;
    }),
    Kill: unary(messages.killRequest, empty, (request) => tasks.kill(request).then(() => none)),
    ResizePty: unary(messages.resizeRequest, empty, (request) => {
      tasks.resize(request);
      return none;
    }),
    CloseIO: unary(messages.closeIoRequest, empty, (request) => {
      tasks.closeIo(request);
      return none;
    }),
    Pids: unary(containerRequest, messages.pidsResponse, ({ id }) => tasks.listPids(id)),
    Pause: unary(containerRequest, empty, ({ id }) => tasks.pause(id).then(() => none)),
    Resume: unary(containerRequest, empty, ({ id }) => tasks.resume(id).then(() => none)),
    Checkpoint: unary(messages.checkpointRequest, empty, (request) => tasks.checkpoint(request).then(() => none)),
    Update: unary(messages.updateRequest, empty, (request) => tasks.update(request).then(() => none)),
    Stats: unary(containerRequest, messages.statsResponse, ({ id }) => tasks.stats(id)),
    Connect: unary(containerRequest, messages.connectResponse, ({ id }) => tasks.connect(id)),
    Shutdown: unary(messages.shutdownRequest, empty, ({ id }) => {
      tasks.shutdown(id);
      return none;
    }),
  };
  const told = Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, withNotice(method, called)]));
  return { "containerd.task.v2.Task": told, "containerd.task.v3.Task": told };
}

function withNotice(method: AnyMethod, called: () => void): AnyMethod {
  return {
    ...method,
    handle(request, context) {
      called();
      return method.handle(request, context);
    },
  };
}
