/** Every path with the example's own Pods, one process each. */
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLauncherWith } from "launch-claim/testing";
import { OwnPods } from "../../examples/own-pods/runtime.js";
import type { PodManner } from "../fixtures/path-pod-manners.js";
import { processesOfLaunch } from "../fixtures/processes.js";
import type { PathScript } from "./path-script.js";
import { ProcessWorld, type PathPods, type Place } from "./process-world.js";

const built = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/dist\/$/u, "/");
const program = join(built, "dist/test/fixtures/path-pod.js");
const dyingLauncher = join(built, "dist/test/fixtures/path-dying-launcher.js");

/** @param directory an empty one, which the caller removes */
export function realWorld(directory: string): ProcessWorld {
  return new ProcessWorld(directory, ownPodsAt);
}

function ownPodsAt({ workspace, home, pods }: Place): PathPods {
  return {
    peersSleep: false,
    launcher: (script, seams) => {
      const runtime = new OwnPods({ directory: pods, program });
      const clock = script?.clockAwaitingDeed(script.passes("readBackClaim", "ours"));
      return createLauncherWith({ workspace, home, runtime, ...(clock && { clock }) }, seams);
    },
    requestFor: (script) => {
      const manner = mannerOf(script);
      // What cannot be stopped must not end by itself either, or nothing would be left to find.
      const stubborn = script.endsUnresolved ? ":stubborn" : "";
      return manner === undefined ? {} : { agent: `script:${manner}${stubborn}` };
    },
    dyingLauncher: ({ id }, script) => {
      const manner = mannerOf(script);
      const agent = manner === undefined ? [] : [`later:${manner}`];
      return [dyingLauncher, workspace, home, pods, id, program, ...agent];
    },
    isStuckInStart: (launchId) => processesOfLaunch(launchId).length > 0,
    promptsOf: (launchId) => promptsIn(pods, launchId),
    close: () => undefined,
  };
}

function promptsIn(pods: string, launchId: string): number {
  const names = fs.existsSync(pods) ? fs.readdirSync(pods) : [];
  for (const name of names) {
    const record = join(pods, name, "pod.json");
    if (!fs.existsSync(record) || !fs.readFileSync(record, "utf8").includes(launchId)) continue;
    const prompts = join(pods, name, "prompts.log");
    return fs.existsSync(prompts) ? fs.readFileSync(prompts, "utf8").trim().split("\n").length : 0;
  }
  return 0;
}

/** One Pod misbehaves in one way; a path that wants two gets the one that ends it. */
function mannerOf(script: PathScript): PodManner | undefined {
  // A Pod that is gone already would leave nothing for the stop to prove.
  const mustLive = script.endsUnresolved || script.adopts;
  if (script.fails("startPod")) return mustLive ? "otherName" : "dies";
  if (script.isStuck("startPod", "spawning.starting")) return "neverReady";
  if (script.fails("connect")) return "otherLaunch";
  if (script.isStuck("connect", "connecting.dialing")) return "muteSnapshot";
  if (script.passes("requestRun", "rejected")) return "rejectsRun";
  if (script.fails("requestRun")) return mustLive ? "hangsUpOnRun" : "diesOnRun";
  if (script.isStuck("requestRun", "awaitingRunAck")) return "muteRun";
  if (script.isStuck("registerPeers", "connecting.registeringPeers")) return "mutePeer";
  return undefined;
}
