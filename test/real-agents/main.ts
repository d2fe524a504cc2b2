/**
 * `npm run test:agents`: real agents under the command line, each with each kind of model, and without credentials. Prints the
 * table as measured, and is 1 if a cell is not as it must be. When every cell of this version is known, docs/agents.md is written.
 */
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { askedFor } from "../fixtures/asked-for.js";
import { AGENTS, agentCalled, type RealAgent } from "./agents.js";
import { abandonCells } from "./cell.js";
import { cacheDirectory, install, installed, type Installed } from "./install.js";
import { measureCell, type Measured } from "./measure-cell.js";
import { isMode, MODES, type Mode } from "./modes.js";
import { knownCells, rememberCell, rememberRestore, rememberRestored, writeDocument } from "./results.js";
import { KILLED, measureRestore } from "./restore-cell.js";
import { measureRestored, RESTORED } from "./restored-cell.js";
import { cellLine, restoredLine, restoreLine, TABLE_HEAD } from "./table.js";
import { transcriptText } from "./transcript.js";

const USAGE = `npm run test:agents -- [--agent NAME]… [--mode MODE]… [flags]
  --agent NAME    ${AGENTS.map(({ name }) => name).join(" ")}; default: all
  --mode MODE     ${MODES.join(" ")}, restore (what a new process can load) or restored (what "restore" makes of it); default: all
  --jobs N        cells at a time; default: 2
  --no-install    only agents that are in the cache already; the others are skipped
  --no-document   does not write docs/agents.md
  --record        also writes what was said into test/agents/transcripts/
  --keep          does not remove the cells' directories`;

interface Options {
  readonly agents: readonly RealAgent[];
  readonly modes: readonly Mode[];
  readonly restores: boolean;
  readonly restored: boolean;
  readonly jobs: number;
  readonly installs: boolean;
  readonly documents: boolean;
  readonly record: boolean;
  readonly keep: boolean;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));

function optionsOf(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      agent: { type: "string", multiple: true },
      mode: { type: "string", multiple: true },
      jobs: { type: "string", default: "2" },
      "no-install": { type: "boolean", default: false },
      "no-document": { type: "boolean", default: false },
      record: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const agents = values.agent?.map((name) => required(agentCalled(name), `there is no agent ${name}`));
  const modes = values.mode?.filter((mode) => !mode.startsWith("restore"));
  for (const mode of modes ?? []) if (!isMode(mode)) throw new Error(`there is no mode ${mode}`);
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new Error(`--jobs is a number from 1 on, not ${values.jobs}`);
  return {
    agents: agents ?? AGENTS,
    modes: (modes as Mode[] | undefined) ?? MODES,
    restores: values.mode?.includes("restore") ?? true,
    restored: values.mode?.includes("restored") ?? true,
    jobs,
    installs: !values["no-install"],
    documents: !values["no-document"],
    record: values.record,
    keep: values.keep,
  };
}

function required<Value>(value: Value | undefined, otherwise: string): Value {
  if (value === undefined) throw new Error(otherwise);
  return value;
}

/** One at a time: two installers at once gain nothing on a line that both share. */
async function prepare({ agents, installs }: Options): Promise<Installed[]> {
  const ready: Installed[] = [];
  for (const agent of agents) {
    const found = installed(agent);
    if (found) ready.push(found);
    else if (installs) {
      console.log(`installing ${agent.package}@${agent.version} into ${cacheDirectory()}`);
      ready.push(await install(agent));
    } else
      console.log(`skipped ${agent.name}: ${agent.package}@${agent.version} is not installed (--no-install)`);
  }
  return ready;
}

/** Runs tasks, so many at a time. A task that is only waiting any more says so, and the next may begin. */
async function inTurns(tasks: readonly ((free: () => void) => Promise<void>)[], jobs: number): Promise<void> {
  const waiting = [...tasks];
  const running: Promise<void>[] = [];
  const turn = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const next = task;
      await new Promise<void>((free) => running.push(next(free).finally(free)));
    }
  };
  await Promise.all(Array.from({ length: jobs }, turn));
  await Promise.all(running);
}

async function run(options: Options): Promise<number> {
  tellOmissions(options);
  const ready = await prepare(options);
  const troubles: string[] = [];
  const told = (measured: Measured) => {
    console.log(cellLine(measured));
    for (const objection of measured.objections) {
      troubles.push(`${measured.agent} ${measured.mode}: ${objection}`);
      console.log(`  NOT AS IT MUST BE: ${objection}`);
    }
  };
  console.log(TABLE_HEAD);
  const cells = ready.flatMap((one) =>
    options.modes.map((mode) => async (free: () => void) => {
      const { measured, transcript } = await measureCell(one, mode, { ...options, free });
      told(measured);
      if (transcript) {
        const file = join(root, "test/agents/transcripts", `${measured.agent}-${mode}.jsonl`);
        fs.writeFileSync(file, transcriptText(transcript));
        // What a recorder stands between is not measured.
      } else rememberCell(measured);
    }),
  );
  const restores = (options.restores ? ready : []).flatMap((one) =>
    KILLED.map((killed) => async (free: () => void) => {
      const measured = await measureRestore(one, killed, { keep: options.keep, free });
      rememberRestore(measured);
      console.log(restoreLine(measured));
    }),
  );
  const restored = (options.restored ? ready : []).flatMap((one) =>
    RESTORED.map((killed) => async (free: () => void) => {
      const measured = await measureRestored(one, killed, { keep: options.keep });
      free();
      rememberRestored(measured);
      console.log(restoredLine(measured));
      for (const objection of measured.objections) {
        troubles.push(`${measured.agent} restored ${killed}: ${objection}`);
        console.log(`  NOT AS IT MUST BE: ${objection}`);
      }
    }),
  );
  await inTurns([...cells, ...restores, ...restored], options.jobs);
  if (options.documents && !options.record) await writeDocument(root);
  const done = knownCells();
  console.log(
    `${ready.length * options.modes.length} cells, ${troubles.length} not as they must be; ${done.length} cells are known`,
  );
  if (ready.length === 0) troubles.push("nothing was measured");
  for (const trouble of troubles) console.log(`NOT AS IT MUST BE: ${trouble}`);
  return troubles.length === 0 ? 0 : 1;
}

/** One run of a few says nothing of the others: that it was not meant to is to be seen in its output. */
function tellOmissions({ agents, modes, restores, restored }: Options): void {
  const others = AGENTS.filter((agent) => !agents.includes(agent)).map(({ name }) => name);
  const otherModes = MODES.filter((mode) => !modes.includes(mode));
  if (others.length > 0) console.log(`skipped, not asked for: agents ${others.join(", ")}`);
  if (otherModes.length > 0) console.log(`skipped, not asked for: models ${otherModes.join(", ")}`);
  if (!restores) console.log("skipped, not asked for: restore");
  if (!restored) console.log("skipped, not asked for: restored");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    abandonCells();
    process.exit(1);
  });
}

const options = askedFor(optionsOf, USAGE);
try {
  process.exitCode = await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  abandonCells();
  process.exit(1);
}
