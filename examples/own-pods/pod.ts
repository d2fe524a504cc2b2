/**
 * A Pod: the program that a launch starts. Run it with
 *
 * - descriptor 0: the control channel. One line, the assignment, comes in; its end means that the launcher is gone
 * - descriptor 2: the ready line goes out here, and what went wrong before it
 * - descriptor 3: the Pod lock. Nothing has to be done about it: the kernel holds it for as long as this process lives, and Node
 *   passes it to no child
 */
import net from "node:net";
import { join } from "node:path";
import { POD_FILE, writeDurably } from "./files.js";
import { assignmentSchema, type Assignment, type PodFile } from "./messages.js";
import { PodService } from "./pod-service.js";
import { identify } from "./processes.js";
import { checkSocketPath, LineSplitter } from "./wire.js";

/** How long good-byes may take on the way out. */
const FAREWELL_MS = 200;

interface RunningPod {
  readonly accepted: boolean;
  /** Says good-bye, removes the socket and ends this process. Twice is harmless. */
  shutdown(): void;
}

function main(): void {
  // The launcher closes its end once it has read the ready line, or dies: neither is a reason to die with it.
  process.stderr.on("error", () => undefined);
  let pod: RunningPod | undefined;
  const lines = new LineSplitter();
  process.stdin.on("data", (chunk: Buffer) => {
    // One assignment a Pod; there is nothing else to be said on this channel.
    for (const line of lines.push(chunk)) pod ??= boot(assignmentSchema.parse(JSON.parse(line)));
  });
  const onLauncherGone = () => {
    // BEFORE acceptance nobody else knows of this Pod: it would be a ghost. After it, it is claimed or can be adopted.
    if (pod?.accepted) return;
    if (pod) pod.shutdown();
    else process.exit(1);
  };
  process.stdin.on("end", onLauncherGone);
  process.stdin.on("error", onLauncherGone);
}

function boot(assignment: Assignment): RunningPod {
  const { name, directory, socket } = assignment;
  // Durable BEFORE the Pod can be reached, so that whoever reaches it can also find it later.
  writeDurably(join(directory, POD_FILE), podFile(assignment));

  let ending = false;
  const shutdown = () => {
    if (ending) return;
    ending = true;
    server.close(() => process.exit(0));
    service.close();
    // A client that neither reads nor leaves does not keep the Pod.
    setTimeout(() => process.exit(0), FAREWELL_MS);
  };
  const service = new PodService(assignment, shutdown);
  const server = net.createServer((client) => service.greet(client));
  server.on("error", (error) => {
    process.stderr.write(`cannot serve ${socket}: ${error.message}\n`);
    process.exit(1);
  });
  process.on("SIGTERM", shutdown);

  // Between bind and chmod anybody could connect: the mask makes the socket private from the start.
  const mask = process.umask(0o177);
  server.listen(checkSocketPath(socket), () => process.stderr.write(`POD-READY\t${name}\t${socket}\n`));
  process.umask(mask);
  return {
    get accepted() {
      return service.accepted;
    },
    shutdown,
  };
}

function podFile({ name, launchId, ticketId, socket }: Assignment): PodFile {
  const self = identify(process.pid);
  if (self === undefined) throw new Error("/proc does not know this process");
  return { name, launchId, ticketId, ...self, socket };
}

main();
