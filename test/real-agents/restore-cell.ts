/** Whether an agent's session can be loaded again when guardian and agent were killed: asked by a plain client, in the agent's own home. */
import type { Claim } from "launch-claim";
import { claimOf, kill } from "../fixtures/cli-world.js";
import { waitUntil } from "../fixtures/processes.js";
import { Cell, type CellOptions } from "./cell.js";
import type { Installed } from "./install.js";
import { PlainClient, type Answer } from "./plain-client.js";

export interface MeasuredRestore {
  readonly agent: string;
  readonly version: string;
  /** What it says that it can do. */
  readonly offers: string;
  /** What was done before: the turn had ended. */
  readonly interrupted: string;
  readonly method: string;
  /** `ok`, or the error's code and words. */
  readonly answer: string;
  /** Updates that came by the loading: the history. */
  readonly replayed: number;
  /** Processes that were left of the killed Pod when the client began. */
  readonly left: number;
}

export async function measureRestore(installed: Installed, options: CellOptions): Promise<MeasuredRestore> {
  await using cell = await Cell.open(installed, "ok", options);
  const claim = await launchAndKill(cell);
  const { agentName, workspace: cwd, env, command } = cell;
  const left = cell.processes().length;
  await using client = new PlainClient(command, { cwd, env });
  const initialized = await client.ask("initialize", { protocolVersion: 1, clientCapabilities: {} });
  const { loads, resumes } = offersOf(initialized);
  const method = loads || !resumes ? "session/load" : "session/resume";
  const sessionId = claim.session?.id ?? "";
  const answer = await client.ask(method, { sessionId, cwd, mcpServers: [] });
  return {
    agent: agentName,
    version: installed.agent.version,
    offers: [...(loads ? ["load"] : []), ...(resumes ? ["resume"] : [])].join(", ") || "nothing",
    interrupted: "its turn",
    method,
    answer: answer.error ? `${answer.error.code ?? "none"}: ${answer.error.message ?? ""}` : "ok",
    replayed: client.updates,
    left,
  };
}

/** A claimed launch whose run has ended, and then SIGKILL to everything of its Pod at once. */
export async function launchAndKill(cell: Cell): Promise<Claim> {
  const words = ["launch", "T-1", "--agent", cell.agentName, "--prompt", "Say hello.", "--json"];
  const claim = claimOf(await cell.run(...words, "--timeout", "ready=120s"));
  await waitUntil(() => /the run has ended/u.test(cell.podLog()), {
    deadlineMs: 60_000,
    what: () => `the end of the run in ${cell.podLog()}`,
  });
  for (const { pid } of cell.processes()) kill(pid, "SIGKILL");
  await waitUntil(() => cell.processes().length === 0, {
    deadlineMs: 10_000,
    what: () =>
      `the end of ${cell
        .processes()
        .map(({ command }) => command)
        .join(" | ")}`,
  });
  return claim;
}

function offersOf({ result }: Answer): { loads: boolean; resumes: boolean } {
  const { loadSession, sessionCapabilities } = (result?.["agentCapabilities"] ?? {}) as {
    loadSession?: boolean;
    sessionCapabilities?: { resume?: object };
  };
  return { loads: loadSession === true, resumes: sessionCapabilities?.resume !== undefined };
}
