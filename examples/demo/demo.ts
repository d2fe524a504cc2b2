/**
 * The command line at work, with an agent that needs no model. Each scene runs commands as a person would type them, then looks past
 * the program at what is on disk and in the process table, and says whether that is as promised. Run it with `npm run demo`; it
 * exits with 1 if a promise was broken.
 */
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { heading, paint, table, visible } from "../own-pods/screen.js";
import { readTickets } from "../own-pods/tickets.js";
import type { Evidence } from "./evidence.js";
import { Stage } from "./stage.js";

const SAMPLE = fileURLToPath(new URL("../../../examples/sample", import.meta.url));

async function play(stage: Stage): Promise<void> {
  const [search, csv, sessions] = showTickets(stage.workspace);

  stage.scene("Launch an agent on a ticket");
  const claimed = await stage.launch(search);
  stage.check(
    "the command exits with 0: the ticket is claimed, and one Pod works on it",
    claimed === 0 && holds(stage.evidence(), [search]),
  );

  stage.scene("Launch one whose model is down");
  const refused = await stage.launch(csv, { agentFails: true });
  stage.check(
    "it exits with 1, and nothing is left of it: no claim, no process",
    refused === 1 && holds(stage.evidence(), [search]),
  );

  stage.scene("The same ticket, with the model back");
  const retried = await stage.launch(csv);
  stage.check(
    "nothing stood in the way of the retry",
    retried === 0 && holds(stage.evidence(), [search, csv]),
  );

  stage.scene("Launch the first ticket again");
  const again = await stage.launch(search);
  const living = stage.evidence();
  stage.check(
    "it exits with 3, and names the Pod that works on it",
    again === 3 && holds(living, [search, csv]),
  );
  stage.check(
    "that Pod was given one prompt, not two",
    [...living.prompts.values()].every((prompts) => prompts === 1),
  );

  stage.scene("A launcher that is killed after the Pod accepted its run");
  await stage.launchAndKill(sessions);
  const orphaned = stage.evidence();
  stage.check(
    "its Pod works on, without a claim",
    orphaned.claims.length === 2 && launchesIn(orphaned).length === 3,
  );
  const adopted = await stage.launch(sessions);
  const after = stage.evidence();
  stage.check(
    "the next launch adopts it: no second Pod, no second prompt",
    adopted === 0 &&
      holds(after, [search, csv, sessions]) &&
      [...after.prompts.values()].every((prompts) => prompts === 1),
  );

  stage.scene("The work is over");
  await stage.command("status");
  for (const ticket of [search, csv, sessions]) await stage.command("release", ticket, "--stop");
  await stage.command("history");
  const healthy = await stage.command("doctor");
  const end = stage.evidence();
  stage.check(
    "no claim and no process is left, and the doctor finds nothing amiss",
    healthy === 0 && holds(end, []),
  );
}

function showTickets(workspace: string): readonly [string, string, string] {
  const { tickets, broken } = readTickets(workspace);
  heading("Open tickets, in a copy of examples/sample");
  table(
    ["state", "ticket", "title"],
    [
      ...tickets.map(({ state, id, title }) => [state, visible(id), visible(title)]),
      ...broken.map(({ name, reason }) => [paint("yellow", "broken"), visible(name), visible(reason)]),
    ],
  );
  const [first, second, third] = tickets.map(({ id }) => id);
  if (!first || !second || !third) throw new Error(`${SAMPLE} should have three tickets`);
  return [first, second, third];
}

/** Exactly these tickets have a claim, and what runs belongs to these claims, one Pod each. */
function holds(evidence: Evidence, tickets: readonly string[]): boolean {
  const same = (left: readonly string[], right: readonly string[]) =>
    left.length === right.length && left.every((one) => right.includes(one));
  const { claims } = evidence;
  return (
    same(
      claims.map(({ ticket }) => ticket),
      tickets,
    ) &&
    same(
      launchesIn(evidence),
      claims.map(({ launchId }) => launchId),
    )
  );
}

/** The launches of which something runs. */
function launchesIn({ processes }: Evidence): readonly string[] {
  return [...new Set(processes.map(({ launchId }) => launchId))];
}

const interrupted = new AbortController();
const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = exitCodes[signal];
    interrupted.abort(new Error(`interrupted by ${signal}`));
  });
}
// Nobody reads any more, as with `| head`: no reason to leave Pods behind.
process.stdout.on("error", (error) => interrupted.abort(error));

const root = fs.mkdtempSync(join(os.tmpdir(), "claim-demo-"));
try {
  const stage = new Stage(root, SAMPLE, interrupted.signal);
  try {
    await play(stage);
  } catch (error) {
    // What an interruption cuts short is no defect.
    if (!interrupted.signal.aborted) throw error;
    heading("Interrupted: stopping what runs.");
  } finally {
    await stage.close();
  }
  if (stage.broken > 0) {
    heading(`${stage.broken} of the promises were broken.`);
    process.exitCode = 1;
  } else if (!interrupted.signal.aborted) heading("Everything was as promised.");
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
