/**
 * A panel that launches its own Pods. Each scene does one thing, then looks past the library at what is on disk and in the process
 * table, and says whether that is as promised. Run it with `npm run demo`; it exits with 1 if a promise was broken.
 */
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Evidence } from "./evidence.js";
import { count, heading, paint, table, visible } from "./screen.js";
import { Stage } from "./stage.js";
import { readTickets, type Ticket } from "./tickets.js";

const SAMPLE = fileURLToPath(new URL("../../../examples/sample", import.meta.url));

async function play(stage: Stage): Promise<void> {
  const [search, csv, sessions] = showTickets(stage.workspace);

  stage.scene(`Clarify "${search.title}"`);
  const first = await stage.clarify(search);
  let evidence = stage.evidence();
  stage.check(
    "it is claimed, and one Pod works on it",
    first.status === "claimed" && holds(evidence, [search]),
  );

  stage.scene(`Clarify "${csv.title}", with a misspelt profile`);
  const rejected = await stage.clarify(csv, { profile: "project:intaek" });
  evidence = stage.evidence();
  stage.check(
    "the Pod has rejected its first run",
    rejected.status === "failed" && rejected.phase === "awaitingRunAck",
  );
  stage.check("nothing is left of it: no claim, no process", holds(evidence, [search]));

  stage.scene("The same ticket, with the right profile");
  const retried = await stage.clarify(csv, { profile: "project:intake" });
  evidence = stage.evidence();
  stage.check(
    "nothing stood in the way of the retry",
    retried.status === "claimed" && holds(evidence, [search, csv]),
  );

  stage.scene(`Clarify "${search.title}" again`);
  const again = await stage.clarify(search);
  evidence = stage.evidence();
  const pod = first.status === "claimed" ? first.claim.pod : "";
  const directed = again.status === "blocked" && again.by === "live" && again.claim?.pod === pod;
  stage.check(
    "it is blocked, and directed to the Pod that lives",
    directed && holds(evidence, [search, csv]),
  );
  stage.check("that Pod was given one prompt, not two", evidence.prompts.get(pod) === 1);

  stage.scene(`Clarify "${sessions.title}", with a hand-off to an Orchestrator that does not run`);
  const alone = await stage.clarify(sessions, { orchestrator: "workspace-orchestrator" });
  evidence = stage.evidence();
  const warned = alone.status === "claimed" && alone.warnings.length === 1;
  stage.check("it is claimed, with a warning", warned && holds(evidence, [search, csv, sessions]));

  stage.scene("The work is over: stop every Pod and release every claim");
  await stage.releaseAll();
  evidence = stage.evidence();
  stage.check("no claim and no process is left", holds(evidence, []));
  stage.check("the history keeps the three claims", (await stage.launcher.history()).length === 3);
  stage.check("the doctor finds nothing amiss", (await stage.launcher.doctor()).healthy);
}

function showTickets(workspace: string): readonly [Ticket, Ticket, Ticket] {
  const { tickets, broken } = readTickets(workspace);
  heading("Open tickets, in a copy of examples/sample");
  table(
    ["state", "ticket", "title"],
    [
      ...tickets.map(({ state, id, title }) => [state, visible(id), visible(title)]),
      ...broken.map(({ name, reason }) => [paint("yellow", "broken"), visible(name), visible(reason)]),
    ],
  );
  const [first, second, third] = tickets;
  if (!first || !second || !third) throw new Error(`${SAMPLE} should have three tickets`);
  return [first, second, third];
}

/** Exactly these tickets have a claim, and each claim has exactly one process. */
function holds({ claims, processes }: Evidence, tickets: readonly Ticket[]): boolean {
  const same = (left: readonly string[], right: readonly string[]) => left.join("\n") === right.join("\n");
  const claimed = claims.map(({ ticket }) => ticket).sort();
  const launches = claims.map(({ launchId }) => launchId).sort();
  const running = processes.map(({ launchId }) => launchId).sort();
  return same(claimed, tickets.map(({ id }) => id).sort()) && same(launches, running);
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

const root = fs.mkdtempSync(join(os.tmpdir(), "own-pods-"));
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
    heading(`${count(stage.broken, "promise was", "promises were")} broken.`);
    process.exitCode = 1;
  } else if (!interrupted.signal.aborted) heading("Everything was as promised.");
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
