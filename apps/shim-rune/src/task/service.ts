import { type Services, unary } from "@inclavare/ttrpc";
import { empty } from "../messages/common.ts";
import * as messages from "../messages/task.ts";
import type { Tasks } from "./tasks.ts";

/** The Task service under both of its names. */
export function taskServices(tasks: Tasks): Services {
  const { processRequest, containerRequest } = messages;
  const none = {};
  const methods = {
    Create: unary(messages.createRequest, messages.createResponse, (request) => tasks.create(request)),
    Start: unary(processRequest, messages.startResponse, (request) => tasks.start(request)),
    Delete: unary(processRequest, messages.deleteResponse, (request) => tasks.delete(request)),
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
    Shutdown: unary(messages.shutdownRequest, empty, () => {
      tasks.shutdown();
      return none;
    }),
  };
  return { "containerd.task.v2.Task": methods, "containerd.task.v3.Task": methods };
}
