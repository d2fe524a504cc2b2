/** Sockets of the run, in the place of `node:net`: what one end writes comes to the other in its order, when it is picked. */
import { EventEmitter } from "node:events";
import fs from "node:fs";
import { world, type Process } from "./world.js";

/** One end of a connection. */
export class End extends EventEmitter {
  readonly owner: Process;
  other: End | undefined;
  destroyed = false;
  writableEnded = false;
  readonly writableLength = 0;
  /** What has come and was not picked yet; the first of them is parked. */
  readonly #coming: { readonly what: string; readonly take: () => void }[] = [];

  constructor(owner: Process) {
    super();
    this.owner = owner;
    owner.atEnd.add(() => this.#leave());
  }

  write(text: string | Buffer): boolean {
    if (this.destroyed) return false;
    const other = this.other;
    const line = Buffer.from(text);
    other?.come(`a line for ${other.owner.name}`, () => other.emit("data", line));
    return true;
  }

  destroySoon(): void {
    this.destroy();
  }

  destroy(error?: Error): this {
    if (this.destroyed) return this;
    this.#leave();
    queueMicrotask(() => {
      if (error) this.emit("error", error);
      this.emit("close");
    });
    return this;
  }

  #leave(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writableEnded = true;
    const other = this.other;
    other?.come("the end of a connection", () => {
      other.destroyed = true;
      other.emit("end");
      other.emit("close");
    });
  }

  come(what: string, take: () => void): void {
    this.#coming.push({ what, take });
    if (this.#coming.length === 1) this.#parkNext();
  }

  #parkNext(): void {
    const [next] = this.#coming;
    if (!next) return;
    world().deliver(this.owner, next.what, () => {
      if (!this.destroyed) next.take();
      this.#coming.shift();
      this.#parkNext();
    });
  }
}

export function pair(one: Process, other: Process): readonly [End, End] {
  const ends = [new End(one), new End(other)] as const;
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  return ends;
}

function connect(path: string): End {
  const here = world();
  const server = here.servers.get(path);
  if (!server?.process.alive) {
    const end = new End(here.running);
    end.come("a connection that is refused", () => end.destroy(new Error(`connect ECONNREFUSED ${path}`)));
    return end;
  }
  const [client, served] = pair(here.running, server.process);
  served.come("a client", () => server.accept(served));
  return client;
}

class Server extends EventEmitter {
  maxConnections = 0;
  #path = "";

  constructor(accept: (client: unknown) => void) {
    super();
    this.on("connection", accept);
  }

  listen(path: string, then: () => void): void {
    const here = world();
    this.#path = path;
    fs.writeFileSync(path, "");
    here.servers.set(path, { process: here.running, accept: (client) => this.emit("connection", client) });
    queueMicrotask(then);
  }

  close(then: () => void): void {
    world().servers.delete(this.#path);
    fs.rmSync(this.#path, { force: true });
    queueMicrotask(then);
  }
}

/** In the place of `node:net`, of which the product uses no more here. */
export const net = { connect, createServer: (accept: (client: unknown) => void) => new Server(accept) };
