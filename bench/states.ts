/** What it adds to reading the claims to judge them. */
import fs from "node:fs";
import { join } from "node:path";
import { createLauncher } from "../src/launcher.js";
import type { Probe } from "../src/ports.js";
import { fullRegistry, MOST_HELD } from "./full-registry.js";
import { comparisonOf, interleaved, timed, type BenchOptions, type Sample } from "./measure.js";
import { ObjectPods } from "./object-pods.js";
import { ratioRow, type Row } from "./rows.js";

const ALONE = "reading and parsing them alone";

/** Pods elsewhere, of which the runtime knows more than a lock tells. */
class RemotePods extends ObjectPods {
  override async probe(): Promise<Probe> {
    return "live";
  }
}

export async function benchStates({ quick }: BenchOptions): Promise<Row[]> {
  const count = quick ? 1_000 : 100_000;
  const { root, home, directory } = fullRegistry(count);
  const states = (runtime: ObjectPods): Sample => {
    const launcher = createLauncher({ workspace: root, home, runtime });
    return () =>
      timed(1, async () => {
        const { claims } = await launcher.status();
        const judged = claims.filter(({ state }) => state === "live" || state === "stale").length;
        if (judged !== count) throw new Error(`${count} claims were to be live or stale, but ${judged} are`);
      });
  };
  const read = () => timed(1, () => readAll(join(directory, "claims"), count));
  // A round takes many seconds: reading is timed once for both.
  const rounds = quick ? 5 : 4;
  const [ofLive = [], ofGone = [], ofReading = []] = await interleaved(rounds, [
    states(new RemotePods()),
    states(new ObjectPods()),
    read,
  ]);
  const total = count.toLocaleString("en");
  return [
    ratioRow(
      { what: `states of ${total} claims, all live`, against: ALONE, limit: 1.3 },
      comparisonOf(ofLive, ofReading),
    ),
    ratioRow(
      { what: `states of ${total} claims, ${MOST_HELD} live and the rest gone`, against: ALONE, limit: 1.3 },
      comparisonOf(ofGone, ofReading),
    ),
  ];
}

function readAll(claims: string, count: number): void {
  const records = fs
    .readdirSync(claims)
    .map((name) => JSON.parse(fs.readFileSync(join(claims, name), "utf8")) as unknown);
  if (records.length !== count)
    throw new Error(`${count} claims were to be read, but ${records.length} were`);
}
