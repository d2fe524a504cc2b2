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

/** What a Pod does by itself; tests have it misbehave. */
export interface Manners {
  /** Sees the assignment before anything is done about it. */
  readonly prepare: (assignment: Assignment) => Assignment;
  /** Where it listens, given the socket that its launcher will dial. */
  readonly listenAt: (socket: string) => string;
  /** Says a line on stderr. */
  readonly say: (line: string) => void;
  /** Ends this process. */
  readonly end: (code: number) => void;
}

const honest: Manners = {
  prepare: (assignment) => assignment,
  listenAt: (socket) => socket,
  say: (line) => process.stderr.write(`${line}\n`),
  end: (code) => process.exit(code),
};

/** Serves as a Pod until it is told to shut down, or until its launcher is gone before a run was accepted. */
export function runPod(otherwise: Partial<Manners> = {}): void {
  const manners = { ...honest, ...otherwise };
  // The launcher closes its end once it has read the ready line, or dies: neither is a reason to die with it.
  process.stderr.on("error", () => undefined);
  let pod: RunningPod | undefined;
  const lines = new LineSplitter();
  process.stdin.on("data", (chunk: Buffer) => {
    // One assignment a Pod; there is nothing else to be said on this channel.
    for (const line of lines.push(chunk)) {
      pod ??= boot(manners.prepare(assignmentSchema.parse(JSON.parse(line))), manners);
    }
  });
  const onLauncherGone = () => {
    // BEFORE acceptance nobody else knows of this Pod: it would be a ghost. After it, it is claimed or can be adopted.
    if (pod?.accepted) return;
    if (pod) pod.shutdown();
    else manners.end(1);
  };
  process.stdin.on("end", onLauncherGone);
  process.stdin.on("error", onLauncherGone);
}

function boot(assignment: Assignment, { listenAt, say, end }: Manners): RunningPod {
  const { name, directory, socket } = assignment;
  // Durable BEFORE the Pod can be reached, so that whoever reaches it can also find it later.
  writeDurably(join(directory, POD_FILE), podFile(assignment));

  let ending = false;
  const shutdown = () => {
    if (ending) return;
    ending = true;
    server.close(() => end(0));
    service.close();
    // A client that neither reads nor leaves does not keep the Pod.
    setTimeout(() => end(0), FAREWELL_MS);
  };
  const service = new PodService(assignment, shutdown);
  const server = net.createServer((client) => service.greet(client));
  server.on("error", (error) => {
    say(`cannot serve ${socket}: ${error.message}`);
    end(1);
  });
  process.on("SIGTERM", shutdown);

  // Between bind and chmod anybody could connect: the mask makes the socket private from the start.
  const mask = process.umask(0o177);
  server.listen(checkSocketPath(listenAt(socket)), () => say(`POD-READY\t${name}\t${socket}`));
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
