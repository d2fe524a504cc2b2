/** What it adds to reading the claims to judge them. */
import fs from "node:fs";
import { join } from "node:path";
import { createLauncher } from "../src/launcher.js";
import type { Probe } from "../src/ports.js";
import { tryLockFile } from "../src/registry/locks.js";
import { atMost, compare, shownMs, shownRatio, timed, type BenchOptions, type Row } from "./measure.js";
import { fill } from "./commit.js";
import { ObjectPods } from "./object-pods.js";
import { workspaceIn } from "./records.js";
import { removeScratch, scratchDirectory } from "./scratch.js";

/** Pods that hold their locks. Not more: every one takes a descriptor. */
const HELD = 500;

/** Pods elsewhere, of which the runtime knows more than a lock tells. */
class RemotePods extends ObjectPods {
  override async probe(): Promise<Probe> {
    return "live";
  }
}

export async function benchStates({ quick }: BenchOptions): Promise<Row[]> {
  const directory = scratchDirectory();
  const held: { close(): void }[] = [];
  try {
    const { root, home, directory: registry } = workspaceIn(directory, "states");
    const gone = createLauncher({ workspace: root, home, runtime: new ObjectPods() });
    const live = createLauncher({ workspace: root, home, runtime: new RemotePods() });

    const count = quick ? 1_000 : 10_000;
    const tickets = fill(join(registry, "claims"), count);
    tickets.forEach(({ id }, index) => {
      fs.writeFileSync(join(registry, "locks", `${id}.launch`), "", { mode: 0o600 });
      const lock = tryLockFile(join(registry, "locks", `${id}.pod`));
      if (lock === undefined) throw new Error(`the Pod lock of ${id} was to be free`);
      if (index % (count / HELD) === 0) held.push(lock);
      else lock.close();
    });

    const judged = (launcher: typeof live) => () =>
      timed(1, async () => {
        const { claims } = await launcher.status();
        const states = claims.filter(({ state }) => state === "live" || state === "stale").length;
        if (states !== count) throw new Error(`${count} claims were to be live or stale, but ${states} are`);
      });
    const read = () => timed(1, () => readAll(join(registry, "claims"), count));

    const rounds = quick ? 5 : 15;
    const allLive = await compare(rounds, judged(live), read);
    const mostGone = await compare(rounds, judged(gone), read);
    const total = count.toLocaleString("en");
    return [
      {
        what: `states of ${total} claims, all live / reading and parsing them alone`,
        measured: shownRatio(allLive.ratio),
        detail: `${shownMs(allLive.a)} / ${shownMs(allLive.b)}`,
        target: atMost(2, allLive.ratio),
      },
      {
        what: `same, ${HELD} live and the rest gone`,
        measured: shownRatio(mostGone.ratio),
        detail: `${shownMs(mostGone.a)} / ${shownMs(mostGone.b)}`,
        target: atMost(2, mostGone.ratio),
      },
    ];
  } finally {
    for (const lock of held) lock.close();
    removeScratch(directory);
  }
}

function readAll(claims: string, count: number): void {
  const records = fs
    .readdirSync(claims)
    .map((name) => JSON.parse(fs.readFileSync(join(claims, name), "utf8")) as unknown);
  if (records.length !== count)
    throw new Error(`${count} claims were to be read, but ${records.length} were`);
}
