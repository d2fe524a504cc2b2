import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import type { GuardianPod } from "../../src/pod/guardian-pod.js";
import { ownIdentity } from "../../src/processes.js";
import type { AgentScript } from "../../src/testing/scripted-agent/script.js";
import {
  podRuntimeContract,
  type OpenRuntime,
  type PodBehaviour,
} from "../../src/testing/runtime-contract.js";
import { built, guardianRuntimeIn, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { processesOfLaunch } from "../fixtures/processes.js";
import { disposableDirectory } from "../fixtures/temporary.js";
import type { LaunchInfo, PodRecord } from "../../src/ports.js";
import type { DyingGuardianLaunch } from "./dying-guardian-launcher.js";

const scripts: Readonly<Record<PodBehaviour, AgentScript>> = {
  accepts: { loadSession: true },
  rejects: { prompt: [{ error: { code: -32_603, message: "the model is not there" } }] },
  neverReady: { initialize: "stall" },
  leavesProcesses: { grandchild: "newSession", ignoreSigterm: true },
  cannotLoad: { loadSession: true, load: { error: { code: -32_603, message: "no such session" } } },
};

function openWith(behaviour: PodBehaviour): OpenRuntime<GuardianPod> {
  const root = disposableDirectory();
  const { runtime, registry } = guardianRuntimeIn(root.path);
  const prompts = join(root.path, "prompts");
  const launchIds: string[] = [];
  return {
    runtime,
    registry,
    reopen: async () => guardianRuntimeIn(root.path).runtime,
    processesOf: async (launchId) => pidsOf(launchId),
    promptsSeen: async (launchId) => promptsOf(prompts, launchId),
    prepare: (launch) => {
      launchIds.push(launch.launchId);
      const recipe = scriptedRecipe({ ...scripts[behaviour], promptsFile: prompts });
      return { ...launch, podName: `coder-${launch.launchId.slice(-6)}`, plan: { ...launch.plan, recipe } };
    },
    writeRecord: async (launch) => registry.writePod(recordOf(launch)),
    reachablePeer: ({ name }) => name,
    unreachablePeer: "nobody",
    launcherDies: (launch, when) => launcherDies({ launch, when, root: root.path }),
    close: async () => {
      const left = launchIds.flatMap(pidsOf);
      for (const pid of left) process.kill(pid, "SIGKILL");
      root.dispose();
      if (left.length > 0) throw new Error(`the case has left processes: ${left.join(", ")}`);
    },
  };
}

function recordOf({ ticket, plan, podName, launchId }: LaunchInfo): PodRecord {
  const at = new Date().toISOString();
  return {
    ticket,
    role: plan.role,
    pod: podName,
    launchId,
    runtime: { kind: "guardian", locator: { pod: podName } },
    launcher: ownIdentity(),
    state: "starting",
    processes: [],
    startedAt: at,
    updatedAt: at,
  };
}

function pidsOf(launchId: string): number[] {
  return processesOfLaunch(launchId).map(({ pid }) => pid);
}

function promptsOf(file: string, launchId: string): number {
  if (!fs.existsSync(file)) return 0;
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line.includes(launchId)).length;
}

/** Resolves when the launcher is dead, with the locator of the Pod that it has started. */
async function launcherDies(launch: DyingGuardianLaunch): Promise<GuardianPod["locator"]> {
  const args = [built("test/contract/dying-guardian-launcher.js"), JSON.stringify(launch)];
  const launcher = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(launcher, "exit");
  let said = "";
  for await (const chunk of launcher.stdout) {
    said += String(chunk);
    if (said.endsWith("\n")) launcher.kill("SIGKILL");
  }
  await exited;
  return JSON.parse(said) as GuardianPod["locator"];
}

describe.each(["kernel", "scan"])("the guardian's Pods, their end proven by %s", (proof) => {
  const cases = podRuntimeContract(async (behaviour) => openWith(behaviour));
  for (const { title, run } of cases) {
    test(title, async () => {
      const before = process.env["LAUNCH_CLAIM_PROOF"];
      process.env["LAUNCH_CLAIM_PROOF"] = proof;
      try {
        await run();
      } finally {
        if (before === undefined) delete process.env["LAUNCH_CLAIM_PROOF"];
        else process.env["LAUNCH_CLAIM_PROOF"] = before;
      }
    });
  }
});
