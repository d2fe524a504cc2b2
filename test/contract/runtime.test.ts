import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, test } from "vitest";
import type { OwnPod } from "../../examples/own-pods/own-pod.js";
import { OwnPods } from "../../examples/own-pods/runtime.js";
import type { PodHandle } from "../../machines/launch.types.js";
import type { ClaimRegistry } from "../../src/ports.js";
import { FileRegistry } from "../../src/registry/file-registry.js";
import { findWorkspace } from "../../src/registry/workspace.js";
import { InProcessRuntime, type InProcessPod, type PodScript } from "../../src/testing/in-process-runtime.js";
import { MemoryRegistry } from "../../src/testing/memory-registry.js";
import {
  podRuntimeContract,
  type OpenRuntime,
  type PodBehaviour,
} from "../../src/testing/runtime-contract.js";
import { processesOfLaunch } from "../fixtures/processes.js";
import { disposableDirectory, type TemporaryDirectory } from "../fixtures/temporary.js";
import type { DyingLaunch } from "./dying-launcher.js";

/** Built: a Pod is a program of its own, and so is a launcher that dies. */
const built = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

const session = { id: "session", restorable: true };
const scripts: Readonly<Partial<Record<PodBehaviour, PodScript>>> = {
  accepts: { session },
  rejects: { requestRun: "reject" },
  neverReady: { start: () => new Promise<never>(() => undefined) },
  cannotLoad: { session, restore: "fail" },
};

function inProcess(behaviour: PodBehaviour, registry: ClaimRegistry): OpenRuntime<InProcessPod> | undefined {
  // They are no processes, and have none to leave behind.
  const script = scripts[behaviour];
  if (script === undefined) return undefined;
  const runtime = new InProcessRuntime();
  const registerPeer = (name: string) => (name === "nobody" ? "fail" : "ok");
  return {
    runtime,
    registry,
    reopen: async () => new InProcessRuntime(runtime),
    processesOf: async () => [],
    promptsSeen: async (launchId) => runtime.prompts(launchId).length,
    prepare: (launch) => {
      runtime.script(launch.ticket.id, { registerPeer, ...script });
      return launch;
    },
    reachablePeer: ({ name }) => name,
    unreachablePeer: "nobody",
    limitMs: 2_000,
    close: async () => {
      const left = runtime.pods().map(({ name }) => name);
      if (left.length > 0) throw new Error(`the case has left Pods: ${left.join(", ")}`);
    },
  };
}

function registryIn({ path }: TemporaryDirectory): FileRegistry {
  const project = join(path, "project");
  fs.mkdirSync(project);
  return new FileRegistry({ workspace: findWorkspace(project, join(path, "home")) });
}

function inProcessWithFiles(behaviour: PodBehaviour): OpenRuntime<InProcessPod> | undefined {
  const directory = disposableDirectory();
  const open = inProcess(behaviour, registryIn(directory));
  if (open === undefined) directory.dispose();
  return (
    open && {
      ...open,
      close: async () => {
        directory.dispose();
        await open.close();
      },
    }
  );
}

/** The Pods of the example, as real processes. */
function ownPods(behaviour: PodBehaviour): OpenRuntime<OwnPod> | undefined {
  // The example restores nothing.
  if (behaviour === "cannotLoad") return undefined;
  const root = disposableDirectory();
  const directory = join(root.path, "p");
  const registry = registryIn(root);
  const program = programOf(behaviour, root.path);
  const runtime = new OwnPods({ directory, program });
  const launchIds: string[] = [];
  return {
    runtime,
    registry,
    reopen: async () => new OwnPods({ directory, program }),
    processesOf: async (launchId) => pidsOf(launchId),
    promptsSeen: async (launchId) => linesIn(join(directory, `coder-${launchId}`, "prompts.log")),
    prepare: (launch) => {
      launchIds.push(launch.launchId);
      const agent = behaviour === "rejects" ? "project:misspelt" : "project:intake";
      return { ...launch, plan: { ...launch.plan, agent, cwd: root.path } };
    },
    reachablePeer: ({ name }) => name,
    unreachablePeer: "nobody",
    launcherDies: (launch, when) => launcherDies({ launch, when, directory, root: root.path }),
    close: async () => {
      const left = launchIds.flatMap(pidsOf);
      for (const pid of left) process.kill(pid, "SIGKILL");
      root.dispose();
      if (left.length > 0) throw new Error(`the case has left processes: ${left.join(", ")}`);
    },
  };
}

/** The Pod program that behaves so; one that misbehaves is written into the directory. */
function programOf(behaviour: Exclude<PodBehaviour, "cannotLoad">, directory: string): string {
  const pod = built("examples/own-pods/pod.js");
  if (behaviour === "accepts" || behaviour === "rejects") return pod;
  const program = join(directory, `${behaviour}.mjs`);
  const stubborn = "trap '' HUP INT TERM; while :; do sleep 60; done";
  const texts = {
    neverReady: "setInterval(() => undefined, 60_000);",
    leavesProcesses: `
      import { spawn } from "node:child_process";
      spawn("sh", ["-c", ${JSON.stringify(stubborn)}], { detached: true, stdio: "ignore" }).unref();
      await import(${JSON.stringify(pathToFileURL(pod).href)});
    `,
  };
  fs.writeFileSync(program, texts[behaviour]);
  return program;
}

function pidsOf(launchId: string): number[] {
  return processesOfLaunch(launchId).map(({ pid }) => pid);
}

function linesIn(file: string): number {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

/** Resolves when the launcher is dead, with the locator of the Pod that it has started. */
async function launcherDies(launch: DyingLaunch): Promise<OwnPod["locator"]> {
  const args = [built("test/contract/dying-launcher.js"), JSON.stringify(launch)];
  const launcher = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(launcher, "exit");
  let said = "";
  for await (const chunk of launcher.stdout) {
    said += String(chunk);
    if (said.endsWith("\n")) launcher.kill("SIGKILL");
  }
  await exited;
  return JSON.parse(said) as OwnPod["locator"];
}

function contract<Pod extends PodHandle>(
  name: string,
  open: (behaviour: PodBehaviour) => OpenRuntime<Pod> | undefined,
): void {
  describe(`Pod runtime ${name}`, () => {
    const cases = podRuntimeContract(async (behaviour) => open(behaviour));
    for (const { title, run } of cases) test(title, run);
  });
}

contract("in this process, with a registry in memory", (behaviour) =>
  inProcess(behaviour, new MemoryRegistry()),
);
contract("in this process, with a registry in files", inProcessWithFiles);
contract("of the example, with a registry in files", ownPods);
