import { join } from "node:path";
import { LaunchClaimError } from "../errors.js";
import { legible, printable } from "../text.js";
import { startAgent, type AgentProcess } from "./agent-process.js";
import { createCommandDriver } from "./agents/command.js";
import { createAcpDriver } from "./agents/acp.js";
import { createYoiDriver, type UpstreamPod } from "./agents/yoi.js";
import { podArguments, requireShortSocket } from "./agents/yoi-command.js";
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
 * @throws NotReady `agent_not_found` | `agent_not_executable` | `socket_path_too_long`
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
  // Of an agent that is a Pod itself: a restored one keeps the name that it has there.
  const upstream = specification.restores?.sessionId ?? record.pod;
  const command = commandOf(specification, { promptFile, upstream });
  const environment = environmentFor(specification);
  requireProgram(command[0] ?? "", environment["PATH"] ?? "", cwd);
  if (recipe.driver === "yoi") requireShortSocket(upstream, environment);

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
  let listener: (line: string) => void = () => undefined;
  try {
    const agent = await startAgent({
      command,
      cwd,
      environment,
      proof,
      ...(lock && { agentLockFd: lock.fd }),
      onStderr: (line) => {
        log.write("agent", line);
        listener(line);
      },
    });
    const driven: DriverContext = {
      // Its Pod's arguments are no part of how it is run again.
      recipe: recipe.driver === "yoi" ? recipe : { ...recipe, command },
      name,
      process: agent,
      cwd,
      ...(specification.restores && { restores: specification.restores }),
      promptFile,
      maxLineBytes: limits.maxLineBytes,
      events,
      now,
    };
    const driver = createDriver(driven, {
      name: upstream,
      launchId: record.launchId,
      onStderr: (heard) => (listener = heard),
    });
    return { agent, driver };
  } finally {
    // Inherited by now, or not needed: held here it would outlive the agent.
    lock?.close();
  }
}

/** The words that are run. */
function commandOf(
  { agent: { recipe }, cwd, restores }: Specification,
  { promptFile, upstream }: { readonly promptFile: string; readonly upstream: string },
): string[] {
  const command = recipe.command.map((word) => word.replaceAll("{promptFile}", promptFile));
  if (recipe.driver !== "yoi") return command;
  const profile = restores ? undefined : recipe.profile;
  return [...command, ...podArguments({ workspace: cwd, pod: upstream, profile })];
}

function createDriver(driven: DriverContext, pod: UpstreamPod): AgentDriver {
  switch (driven.recipe.driver) {
    case "acp":
      return createAcpDriver(driven);
    case "command":
      return createCommandDriver(driven);
    case "yoi":
      return createYoiDriver(driven, pod);
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
