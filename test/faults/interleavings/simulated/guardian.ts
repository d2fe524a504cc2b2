/** The guardian's process, in the place of `node:child_process` for the module that starts it: it leads its Pod by the shipped code. */
import { EventEmitter } from "node:events";
import type net from "node:net";
import { ControlChannel } from "../../../../src/pod/control-channel.js";
import { guard } from "../../../../src/pod/guardian.js";
import type { PodLog } from "../../../../src/pod/pod-log.js";
import type { FileRegistry } from "../../../../src/registry/file-registry.js";
import { sharingOf } from "./locks.js";
import { pair, type End } from "./net.js";
import { registryFor } from "./registry.js";
import { world, type Process } from "./world.js";

interface SpawnOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: readonly unknown[];
}

class Child extends EventEmitter {
  exitCode: number | null = null;
  readonly signalCode = null;
  readonly pid: number;
  readonly stdio: readonly unknown[];

  constructor(pid: number, control: End) {
    super();
    this.pid = pid;
    this.stdio = [null, null, null, null, control];
  }

  unref(): void {
    // Nothing here keeps a process running.
  }
}

const silent = { write: () => undefined, close: () => undefined } as unknown as PodLog;
let files: FileRegistry | undefined;

/** The registry of every guardian. */
export function guardiansUse(registry: FileRegistry): void {
  files = registry;
}

/** As `spawn` of `node:child_process` is used for a guardian: descriptor 3 is the Pod lock, 4 the control channel. */
export function spawn(_node: string, _arguments: readonly string[], { env, stdio }: SpawnOptions): Child {
  const here = world();
  const parent = here.running;
  const launchId = env["LAUNCH_CLAIM_LAUNCH_ID"] ?? "";
  const process = here.create({
    kind: "guardian",
    name: `guardian of ${parent.name}`,
    mark: launchId,
    parent,
  });
  sharingOf(stdio[3]).join(process);
  const [mine, its] = pair(parent, process);
  const child = new Child(process.pid, mine);
  process.atEnd.add(() =>
    here.deliver(parent, "the guardian has exited", () => {
      child.exitCode = 0;
      child.emit("exit", 0, null);
    }),
  );
  // Before anything that is sent to it: the kernel keeps that until it is read.
  its.come("begins", () => void lead(process, its));
  return child;
}

/** As the guardian's program does. */
async function lead(process: Process, channel: End): Promise<void> {
  const here = world();
  const asked = new AbortController();
  process.signalled = (signal) => {
    if (signal === "SIGTERM") here.deliver(process, "SIGTERM", () => asked.abort());
  };
  const control = new ControlChannel(channel as unknown as net.Socket);
  const specification = await control.specification();
  if (files === undefined) throw new Error("guardians have no registry");
  if (specification !== undefined) {
    await guard({
      specification,
      control,
      registry: registryFor(() => process, files),
      log: silent,
      now: () => here.now().toISOString(),
      asked: asked.signal,
    });
  }
  here.end(process);
}
