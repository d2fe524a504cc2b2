/** Every path with the built-in runtime: a scripted agent under the real guardian. */
import fs from "node:fs";
import { createLauncherWith } from "launch-claim/testing";
import type { AgentRecipe } from "../../machines/launch.types.js";
import type { AgentScript, AgentStep } from "../../src/testing/scripted-agent/script.js";
import { AT_ONCE, built, guardianOptions, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { isGuardian, MisbehavingGuardian, type Mishap } from "../fixtures/misbehaving-guardian.js";
import { processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { adoptedIn, violations, type PathRun } from "./demand.js";
import { NEVER_MS, type PathScript } from "./path-script.js";
import { kill, PATIENCE_MS, ProcessWorld, type PathPods, type Place } from "./process-world.js";

/** A guardian that never answers is SIGKILLed only after most of this: long enough for the rest of it on a slow machine. */
export const STOP_OF_A_STOPPED_GUARDIAN_MS = 24_000;
export const SOCKETS = "LAUNCH_CLAIM_RUNTIME_DIR";

/** @param directory an empty one, which the caller removes */
export function guardianWorld(directory: string): ProcessWorld {
  return new ProcessWorld(directory, guardiansAt);
}

/** As `violations`, and who must be running where a Pod must. */
export function guardianViolations(run: PathRun): string[] {
  const { path, after, launchId } = run;
  const running = after.launches.get(adoptedIn(run) ?? launchId)?.processes ?? [];
  const found = violations(run);
  // At kernel level the agent's reaper is one more.
  if (path.end === "claimed" && running.length < 2)
    found.push(`of guardian and agent only ${running.join(", ")} runs`);
  return found;
}

function guardiansAt({ workspace, home, pods }: Place): PathPods {
  const promptsFile = `${pods}.prompts`;
  const promptsOf = (launchId: string) => promptsIn(promptsFile, launchId);
  const recipeFor = (agent: AgentScript, evidence = AT_ONCE): AgentRecipe =>
    scriptedRecipe({ ...agent, promptsFile }, evidence);
  // A killed guardian leaves its socket's file, which must go with the world.
  const before = process.env[SOCKETS];
  process.env[SOCKETS] = pods;
  return {
    peersSleep: true,
    launcher: (script, seams) => {
      const options = guardianOptions(workspace, home);
      const recipe = script
        ? recipeFor(agentOf(script), { ...AT_ONCE, settleMs: script.end === "claimed" ? 400 : 0 })
        : recipeFor({});
      const runtime = new MisbehavingGuardian({
        ...options,
        promptsOf,
        recipe,
        ...(script && {
          mishap: mishapOf(script),
          onStopped: () => script.deedIsDone(),
          guardianStopMs: script.endsUnresolved ? NEVER_MS : undefined,
        }),
      });
      // A guardian that nobody has started needs no stop: it is there before its start is given up.
      const clock = script?.clockAwaitingDeed(
        script.outlasts("startPod") || script.passes("readBackClaim", "ours"),
      );
      const { registry } = options;
      const launcher = createLauncherWith(
        { workspace, home, runtime, registry, ...(clock && { clock }) },
        seams,
      );
      return { ...launcher, launch: (request) => launcher.launch({ recipe, ...request }) };
    },
    requestFor: (script) => ({
      timeouts: {
        ...script.timeouts,
        ...(staysStopped(script) && { stopMs: STOP_OF_A_STOPPED_GUARDIAN_MS }),
      },
    }),
    dyingLauncher: ({ id }) => [
      built("test/fixtures/path-dying-guardian-launcher.js"),
      workspace,
      home,
      id,
      JSON.stringify(recipeFor({})),
    ],
    isStuckInStart: (launchId) => processesOfLaunch(launchId).some(isAgent),
    promptsOf,
    letGo: async (launchId, script) => {
      const mayStay = script.adopts || script.passes("requestRun", "accepted");
      if (script.endsUnresolved && !mayStay) await endsWithoutItsAgent(launchId);
    },
    close: () => {
      if (before === undefined) Reflect.deleteProperty(process.env, SOCKETS);
      else process.env[SOCKETS] = before;
    },
  };
}

/**
 * The launcher has let go before anything was accepted: all that kept the Pod was an agent that would not end. So it is taken away,
 * and the guardian, to which nothing happens any more, must be gone as well.
 */
export async function endsWithoutItsAgent(launchId: string): Promise<void> {
  const isOver = () => {
    const running = processesOfLaunch(launchId);
    for (const one of running) {
      if (isAgent(one)) kill(one.pid, "SIGKILL");
      else if (isGuardian(one.command)) kill(one.pid, "SIGCONT");
    }
    return running.length === 0;
  };
  const what = `the end of the Pod of launch ${launchId}, which has accepted nothing and has no launcher`;
  await waitUntil(isOver, { deadlineMs: PATIENCE_MS, what });
}

/** Past its gate: until then the process is still the one that holds it there. */
function isAgent({ command }: { readonly command: string }): boolean {
  return command.startsWith(process.execPath) && command.includes("scripted-agent.js");
}

export function promptsIn(file: string, launchId: string): number {
  if (!fs.existsSync(file)) return 0;
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line.includes(launchId)).length;
}

export const NO_MODEL = { code: -32_603, message: "the model is not there" };
const BEGINS: readonly AgentStep[] = [
  { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "On it." } } },
  { stall: true },
];

/** What the agent does, where the path is about the agent. */
function agentOf(script: PathScript): AgentScript {
  return {
    ...misbehaviourOf(script),
    // A Pod whose stop is not proven must not be gone by itself either, or nothing would be left to find.
    ...(script.endsUnresolved && { ignoreStdinEnd: true, ignoreSigterm: true }),
  };
}

function misbehaviourOf(script: PathScript): AgentScript {
  if (script.fails("startPod")) return notReady(script);
  if (script.isStuck("startPod", "spawning.starting")) return { initialize: "stall" };
  if (script.passes("requestRun", "rejected")) return { prompt: [{ error: NO_MODEL }] };
  const isUnanswered = script.fails("requestRun") || script.isStuck("requestRun", "awaitingRunAck");
  if (isUnanswered) return { prompt: [{ stall: true }] };
  // Works on at the launch's end: only the settle window accepts it.
  return script.end === "claimed" ? { prompt: BEGINS } : {};
}

/** Four ways of not getting ready, one for each end that a stop after it can have. */
function notReady(script: PathScript): AgentScript {
  if (script.passes("stopPod", "stopped")) return { onStart: [{ stderr: "no key" }, { exit: 3 }] };
  if (script.passes("stopPod", "unproven")) return { initialize: { error: NO_MODEL } };
  return script.fails("stopPod") ? { initialize: "wrongVersion" } : { newSession: "authRequired" };
}

/** What happens to the guardian, which by itself does what it should. */
export function mishapOf(script: PathScript): Mishap | undefined {
  const mustLive = script.endsUnresolved || script.adopts;
  // Whatever it would start, it has not started yet: for ever in the middle of its own start.
  if (script.outlasts("startPod")) return { kind: "stopped", at: "start" };
  if (script.fails("connect")) {
    return mustLive ? { kind: "standIn", manner: "otherLaunch" } : { kind: "killed", at: "connect" };
  }
  if (script.isStuck("connect", "connecting.dialing") || script.cancelledIn("connecting")) {
    return { kind: "stopped", at: "connect", continues: !staysStopped(script) };
  }
  if (script.fails("requestRun")) {
    return mustLive ? { kind: "standIn", manner: "hangsUpOnRun" } : { kind: "killed", at: "prompt" };
  }
  // A run that was accepted is accepted: an honest Pod does not say otherwise when it is asked again.
  if (script.adopts && script.passes("requestRun", "rejected"))
    return { kind: "standIn", manner: "rejectsRun" };
  if (script.adopts && script.isStuck("requestRun", "awaitingRunAck")) {
    return { kind: "stopped", at: "requestRun", continues: true };
  }
  return undefined;
}

/** One path ends a guardian that is stopped for good, and must kill it; elsewhere that would only take long. */
export function staysStopped(script: PathScript): boolean {
  return script.outlasts("connect") && !script.adopts && script.passes("stopPod", "stopped");
}
