/**
 * One run: processes that are objects here, a clock that stands, and every call of theirs that leaves them parked until somebody says
 * which one goes on. Between two picks nothing is under way: what the picked process does until its next calls is done at once.
 */

/** A process of the run: a command, a guardian, a reaper or an agent. */
export interface Process {
  readonly name: string;
  readonly kind: "command" | "guardian" | "reaper" | "agent";
  readonly pid: number;
  readonly startTime: string;
  readonly group: number;
  parent: Process | undefined;
  /** In its environment; undefined for a command, and for an agent that has scrubbed it. */
  readonly mark: string | undefined;
  alive: boolean;
  /** Of an agent: the launch that it was started for. */
  launchId?: string;
  /** Of an agent: it has passed its gate. */
  runs: boolean;
  /** What the kernel does when it ends, whichever way. */
  readonly atEnd: Set<() => void>;
  signalled: (signal: string) => void;
}

/** A lock that its holders have each a copy of: it ends with the last of them. */
export interface SharedLock {
  readonly fd: number;
  /** By a process that has opened it, or inherited it. */
  join(process: Process): void;
  leave(process: Process): void;
}

/** A call that waits to be picked. */
export interface Parked {
  readonly process: Process;
  readonly what: string;
  /** Of a timer: when it is due, by the run's own clock. */
  readonly dueAt?: number;
  readonly goOn: () => void;
  /** The process ended before: what the kernel closes then. */
  readonly drop?: () => void;
}

const BASE = Date.UTC(2026, 10, 25);
const FIRST_PID = 1_000_001;
const setRealImmediate = setImmediate;

export class World {
  readonly processes: Process[] = [];
  readonly locks = new Set<SharedLock>();
  /** Who serves which socket. */
  readonly servers = new Map<
    string,
    { readonly process: Process; readonly accept: (client: unknown) => void }
  >();
  readonly facts: Facts = {
    prompts: new Map(),
    killed: new Set(),
    asked: new Set(),
    directoriesSynced: new Map(),
  };
  readonly manners: Manners;
  parked: Parked[] = [];
  /** In milliseconds, from the run's begin on. */
  time = 0;
  steps = 0;
  /** Something may have been written since it was looked. */
  touched = true;
  #running: Process | undefined;

  constructor(manners: Manners) {
    this.manners = manners;
  }

  /** Whose code it is that runs now. */
  get running(): Process {
    if (this.#running) return this.#running;
    throw new Error("something runs that no process of this run has begun");
  }

  now(): Date {
    return new Date(BASE + this.steps + Math.floor(this.time));
  }

  create(
    about: Pick<Process, "name" | "kind" | "mark"> & { parent?: Process; leadsGroup?: boolean },
  ): Process {
    const pid = FIRST_PID + this.processes.length;
    const { name, kind, mark, parent, leadsGroup = true } = about;
    const process: Process = {
      name,
      kind,
      mark,
      parent,
      pid,
      startTime: String(pid),
      group: leadsGroup || !parent ? pid : parent.group,
      alive: true,
      runs: false,
      atEnd: new Set(),
      signalled: () => undefined,
    };
    this.processes.push(process);
    return process;
  }

  /** Waits until it is picked; for ever, if the process ends before. */
  park(
    what: string,
    { process = this.running, drop }: { process?: Process; drop?: () => void } = {},
  ): Promise<void> {
    return new Promise((resolve) => {
      this.add({ process, what, goOn: resolve, ...(drop && { drop }) });
    });
  }

  /** What comes to a process from outside. */
  deliver(process: Process, what: string, goOn: () => void): void {
    this.add({ process, what, goOn });
  }

  add(parked: Parked): void {
    // What a dead process would still have done is not done.
    if (!parked.process.alive) parked.drop?.();
    else this.parked.push(parked);
  }

  remove(parked: Parked): void {
    const at = this.parked.indexOf(parked);
    if (at >= 0) this.parked.splice(at, 1);
  }

  /** Lets one go on, until everything that it brings about is parked again. */
  async letGo(parked: Parked): Promise<void> {
    this.remove(parked);
    await this.run(parked.process, () => {
      this.time = Math.max(this.time, parked.dueAt ?? 0);
      parked.goOn();
    });
  }

  async run(process: Process | undefined, act: () => void): Promise<void> {
    this.steps += 1;
    this.#running = process;
    act();
    await new Promise((resolve) => setRealImmediate(resolve));
    this.#running = undefined;
  }

  /** It ends, as by SIGKILL or by itself: the kernel closes what it had open. */
  end(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    const [its, others] = [
      this.parked.filter((one) => one.process === process),
      this.parked.filter((one) => one.process !== process),
    ];
    this.parked = others;
    for (const one of its) one.drop?.();
    for (const lock of [...this.locks]) lock.leave(process);
    for (const then of process.atEnd) then();
    for (const child of this.processes) if (child.parent === process) child.parent = undefined;
  }

  dispose(): void {
    for (const process of this.processes) {
      process.atEnd.clear();
      this.end(process);
    }
  }
}

/** What was seen of the run that is not on disk. */
export interface Facts {
  /** How often an agent was given the prompt of a launch. */
  readonly prompts: Map<string, number>;
  /** The launches of which a process was killed from outside. */
  readonly killed: Set<string>;
  /** The launches whose guardian was asked to end. */
  readonly asked: Set<string>;
  /** The step in which each directory was synced last. */
  readonly directoriesSynced: Map<string, number>;
}

/** How the agents of a run are. */
export interface Manners {
  /** Does not end when its stdin does. */
  readonly stubborn?: boolean;
  /** Refuses the run. */
  readonly refuses?: boolean;
  /** Its run ends by itself. Default: it works on. */
  readonly ends?: boolean;
  /** There is no reaper, and it has cleared its environment. */
  readonly hidden?: boolean;
}

let current: World | undefined;

export function enter(world: World): void {
  current = world;
}

export function world(): World {
  if (current) return current;
  throw new Error("there is no run");
}
