/** Promise 2: a guardian that does not end when it is asked is SIGKILLed by whoever stops the Pod, who then ends what is left and proves it. */
import fs from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createLauncher } from "../../src/launcher.js";
import { built, scriptedRecipe } from "../fixtures/guardian-runtime.js";
import { processAt, processesOfLaunch, waitUntil } from "../fixtures/processes.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

const ticket = { id: "T-1" };
const before = process.env["LAUNCH_CLAIM_PROOF"];
let launchId = "";

afterEach(async () => {
  if (before === undefined) delete process.env["LAUNCH_CLAIM_PROOF"];
  else process.env["LAUNCH_CLAIM_PROOF"] = before;
  await waitUntil(
    () => {
      const left = processesOfLaunch(launchId);
      for (const { pid } of left) if (processAt(pid)) process.kill(pid, "SIGKILL");
      return left.length === 0;
    },
    { deadlineMs: 20_000, what: "the Pod's end" },
  );
});

async function launched(proof: string) {
  process.env["LAUNCH_CLAIM_PROOF"] = proof;
  const root = temporaryDirectory();
  const workspace = join(root, "w");
  fs.mkdirSync(workspace);
  fs.writeFileSync(join(workspace, "launch-claim.config.json"), '{ "timeouts": { "stopMs": 3000 } }');
  const guardianPath = built("test/fixtures/deaf-guardian.js");
  const launcher = createLauncher({ workspace, home: join(root, "h"), guardianPath });
  const recipe = scriptedRecipe({ ignoreStdinEnd: true, ignoreSigterm: true, ignoreCancel: true });
  const launch = launcher.launch({ ticket, prompt: "Begin.", recipe });
  ({ launchId } = launch);
  expect(await launch.outcome).toMatchObject({ status: "claimed" });
  const guardian = processesOfLaunch(launchId).find(({ command }) => command.endsWith(guardianPath))?.pid;
  if (guardian === undefined) throw new Error("the deaf guardian does not run");
  return { launcher, guardian };
}

describe.each(["kernel", "scan"] as const)("a guardian that ignores SIGTERM (%s)", (proof) => {
  it("is SIGKILLed by stop, which ends its stubborn agent and proves all of it gone", async () => {
    const { launcher } = await launched(proof);
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped", proof });
    // As stop returns, not later.
    expect(processesOfLaunch(launchId)).toEqual([]);
    expect(await launcher.status(ticket)).toMatchObject({
      claims: [{ state: "stale", evidence: { podLock: "free" } }],
    });
  });

  it("is SIGKILLed by stop when it stands still, too", async () => {
    const { launcher, guardian } = await launched(proof);
    process.kill(guardian, "SIGSTOP");
    await waitUntil(() => processAt(guardian)?.state === "T", { deadlineMs: 20_000, what: "it to stand" });
    expect(await launcher.stop(ticket)).toMatchObject({ status: "stopped", proof });
    expect(processesOfLaunch(launchId)).toEqual([]);
  });
});
