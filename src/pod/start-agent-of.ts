import { join } from "node:path";
import { LaunchClaimError } from "../errors.js";
import { legible, printable } from "../text.js";
import { startAgent, type AgentProcess } from "./agent-process.js";
import { createCommandDriver } from "./agents/command.js";
import { createAcpDriver } from "./agents/acp.js";
import { NotReady, type AgentDriver, type DriverContext, type DriverEvents } from "./agents/driver.js";
import { findProgram } from "./find-program.js";
import type { GuardianRegistry } from "./guardian-registry.js";
import type { PodLog } from "./pod-log.js";
import { chooseProof } from "./reaper.js";
import type { Specification } from "./specification.js";

/** What the guardian's own process needs and its agent must not see. */
const OF_THE_GUARDIAN = ["ELECTRON_RUN_AS_NODE"];

export interface StartedAgent {
  readonly agent: AgentProcess;
  readonly driver: AgentDriver;
}

/**
 * Starts the specified agent, standing still, with the agent lock in the hands of its reaper alone.
 *
 * @throws NotReady `agent_not_found` | `agent_not_executable`
 * @throws LaunchClaimError `lock_busy`: something of an earlier agent of this ticket still runs
 */
export async function startAgentOf(
  specification: Specification,
  context: {
    readonly registry: GuardianRegistry;
    readonly log: PodLog;
    readonly now: () => string;
    readonly events: DriverEvents;
  },
): Promise<StartedAgent> {
  const { record, cwd, limits } = specification;
  const { name, recipe } = specification.agent;
  const { registry, log, now, events } = context;
  const promptFile = join(registry.podDirectory(record.ticket, record.pod), "prompt.txt");
  const command = recipe.command.map((word) => word.replaceAll("{promptFile}", promptFile));
  const environment = environmentFor(specification);
  requireProgram(command[0] ?? "", environment["PATH"] ?? "", cwd);

  const proof = chooseProof(environment);
  const lock =
    proof === "kernel"
      ? await registry.lockAgent(record.ticket, { signal: new AbortController().signal })
      : undefined;
  if (proof === "kernel" && lock === undefined) {
    throw new LaunchClaimError(
      "lock_busy",
      `something of an earlier agent of ticket ${printable(record.ticket.id)} still runs: it holds the agent lock`,
      { hint: 'Use "stop" on the ticket.' },
    );
  }
  try {
    const agent = await startAgent({
      command,
      cwd,
      environment,
      proof,
      ...(lock && { agentLockFd: lock.fd }),
      onStderr: (line) => log.write("agent", line),
    });
    const driven: DriverContext = {
      recipe: { ...recipe, command },
      name,
      process: agent,
      cwd,
      ...(specification.restores && { restores: specification.restores }),
      promptFile,
      maxLineBytes: limits.maxLineBytes,
      events,
      now,
    };
    const driver = recipe.driver === "acp" ? createAcpDriver(driven) : createCommandDriver(driven);
    return { agent, driver };
  } finally {
    // Inherited by now, or not needed: held here it would outlive the agent.
    lock?.close();
  }
}

function environmentFor({ agent: { recipe }, restored }: Specification): NodeJS.ProcessEnv {
  const inherited = { ...process.env };
  for (const name of OF_THE_GUARDIAN) Reflect.deleteProperty(inherited, name);
  return { ...inherited, ...restored, ...recipe.environment };
}

function requireProgram(command: string, path: string, cwd: string): void {
  const found = findProgram(command, { path, cwd });
  switch (found.kind) {
    case "found":
      return;
    case "missing":
      throw new NotReady("agent_not_found", `there is no program ${printable(command)}`);
    case "notExecutable":
      throw new NotReady("agent_not_executable", `${legible(found.file)} is not a program that can be run`);
  }
}
