/** The same registry from where it looks different: another user, another PID namespace, another path. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { DEADLINE_MS, kill, type CliWorld } from "../../fixtures/cli-world.js";
import { waitUntil } from "../../fixtures/processes.js";
import { untilPodLockFree } from "../../paths/observe.js";
import { HERE, type Case, type Trial, type Where } from "./trial.js";

const ID = "ELSEWHERE";
const NOBODY = "65534";
const AS_NOBODY = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
const IN_NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"];
const IN_MOUNTS = ["unshare", "--mount", "--"];

function whyNot(what: string, [program = "", ...args]: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(program, [...args, "true"], { encoding: "utf8" });
  return status === 0 ? undefined : `${what} (needs Linux and root): ${error?.message ?? stderr.trim()}`;
}

// ── Another user ──

/** It could read all of it, were it asked to. */
const asNobody: Case = {
  name: "another user meets the registry",
  quick: true,
  whyNot: () => whyNot("no command can be run as another user", AS_NOBODY),
  async run(trial) {
    const { world } = trial;
    const { pod } = await trial.claims(HERE, ID);
    const above = [dirname(dirname(world.workspace)), dirname(world.workspace)];
    for (const path of [...above, world.home, dirname(world.registry), world.registry])
      fs.chmodSync(path, 0o755);
    const nobody: Where = { name: "as another user", prefix: AS_NOBODY };
    const before = contentsOf(world);
    for (const words of [
      ["status", ID],
      ["stop", ID],
      ["release", ID, "--stop"],
      ["doctor", "--fix"],
      ["logs", pod],
    ])
      await trial.isRefused(nobody, words, "directory_unsafe");
    await trial.isRefused(
      nobody,
      ["launch", ID, "--prompt", "work", "--", ...world.agent({})],
      "directory_unsafe",
    );
    trial.demand("nothing was changed by another user", before === contentsOf(world));
    for (const path of [world.home, dirname(world.registry), world.registry]) fs.chmodSync(path, 0o700);
    await trial.isState(HERE, ID, "live");
    await trial.endsWell(HERE, ID);
  },
};

/** Names, modes and bytes of all that is in the registry, but for the log of a Pod that lives. */
function contentsOf({ home }: CliWorld): string {
  const names = fs.readdirSync(home, { recursive: true, encoding: "utf8" }).sort();
  return names
    .filter((name) => !name.endsWith("pod.log"))
    .map((name) => {
      const path = join(home, name);
      const { mode, uid } = fs.lstatSync(path);
      const bytes = fs.lstatSync(path).isFile() ? fs.readFileSync(path, "latin1") : "";
      return `${name} ${mode} ${uid} ${bytes}`;
    })
    .join("\n");
}

// ── Another PID namespace ──

const INSIDE: Where = { name: "in another PID namespace", prefix: IN_NAMESPACE };
const scan = (where: Where): Where => ({ ...where, environment: { LAUNCH_CLAIM_PROOF: "scan" } });

const namespaces: readonly Omit<Case, "whyNot">[] = [
  {
    name: "a living Pod is live in another PID namespace, too, and blocks",
    async run(trial) {
      await trial.claims(HERE, ID);
      await trial.isState(INSIDE, ID, "live");
      await trial.isBlocked(INSIDE, ID, "live");
      await trial.answers(INSIDE, ["release", ID], 3, "refused");
      await trial.endsWell(HERE, ID);
    },
  },
  {
    name: "a stop from another PID namespace says stopped only if it is so",
    async run(trial) {
      await trial.claims(HERE, ID);
      const { code, results } = await trial.run(INSIDE, "stop", ID, "--json");
      const isStopped = code === 0;
      trial.demand("it is done or unresolved", isStopped || code === 5, results);
      if (isStopped) trial.demand("nothing runs", trial.world.isQuiet(ID), trial.world.livingPods(ID));
      await trial.endsWell(HERE, ID);
    },
  },
  {
    name: "a Pod that is gone, without the kernel's proof, is unknown in another PID namespace, and blocks",
    quick: true,
    async run(trial) {
      const { launchId } = await trial.claims(scan(HERE), ID);
      await trial.killPod(ID, launchId);
      await trial.isState(scan(INSIDE), ID, "unknown");
      await trial.isBlocked(scan(INSIDE), ID, "unknown");
      await trial.answers(scan(INSIDE), ["release", ID], 3, "refused");
      await trial.answers(scan(INSIDE), ["reclaim", ID, "--expect", launchId], 3, "refused");
      await trial.isState(scan(HERE), ID, "stale");
      await trial.endsWell(HERE, ID);
    },
  },
  {
    name: "what survives of a Pod blocks in another PID namespace",
    async run(trial) {
      const stubborn = { ignoreStdinEnd: true, ignoreSigterm: true };
      const { launchId } = await trial.claims(HERE, ID, stubborn);
      kill(trial.world.guardianOf(launchId) ?? 0, "SIGKILL");
      await untilPodLockFree(trial.world, ID, DEADLINE_MS);
      await trial.isState(INSIDE, ID, "lingering", "unknown");
      await trial.isBlocked(INSIDE, ID, "lingering", "unknown");
      await trial.endsWell(HERE, ID);
    },
  },
  {
    name: "the launch lock excludes another PID namespace",
    quick: true,
    async run(trial) {
      await whileInFlight(trial, HERE, INSIDE);
      await whileInFlight(trial, INSIDE, HERE);
    },
  },
  {
    name: "a Pod of another PID namespace is live here, and blocks; gone with its namespace, it is no ghost",
    async run(trial) {
      // The namespace lasts until the standard input of its first process ends.
      const stays = [...IN_NAMESPACE, "sh", "-c", '"$@"; read -r _', "sh"];
      const launch = trial.startLaunch({ name: "in a namespace that stays", prefix: stays }, ID);
      const hasClaim = () => trial.world.observe(ID).claims.length === 1;
      await waitUntil(hasClaim, { deadlineMs: DEADLINE_MS, what: () => `a claim: ${launch.said}` });
      await waitUntil(() => launch.said.includes('"outcome"'), {
        deadlineMs: DEADLINE_MS,
        what: "its outcome",
      });
      await trial.isState(HERE, ID, "live");
      await trial.isBlocked(HERE, ID, "live");
      launch.child.stdin?.end();
      await launch.ended;
      await trial.world.untilQuiet(ID);
      await trial.isState(HERE, ID, "stale", "unknown");
      await trial.isBlocked(HERE, ID, "stale", "unknown");
    },
  },
];

// ── Another path ──

async function whileInFlight(trial: Trial, first: Where, later: Where): Promise<void> {
  const slow = trial.startLaunch(first, ID, { prompt: [{ stall: true }] }, "--timeout", "runAck=60s");
  await slow.enters("awaitingRunAck");
  await trial.isBlocked(later, ID, "inFlight");
  await trial.answers(later, ["stop", ID], 3, "refused");
  await slow.dies();
  await trial.world.untilQuiet(ID);
  const { launchId } = await trial.claims(later, ID);
  await trial.killPod(ID, launchId);
  await trial.answers(HERE, ["reclaim", ID, "--expect", launchId], 0, "ended");
}

function linked(trial: Trial, path: string): string {
  const link = join(dirname(trial.world.workspace), `link-to-${basename(path)}`);
  fs.symlinkSync(path, link);
  return link;
}

async function isTheSame(trial: Trial, where: Where): Promise<void> {
  await whileInFlight(trial, HERE, where);
  await trial.claims(HERE, ID);
  await trial.isState(where, ID, "live");
  await trial.isBlocked(where, ID, "live");
  await trial.endsWell(where, ID);
}

const PATHS: readonly Case[] = [
  {
    name: "a workspace that is reached through a link has the same registry",
    quick: true,
    run: (trial) => isTheSame(trial, { name: "through a link", cwd: linked(trial, trial.world.workspace) }),
  },
  {
    name: "a data directory below a link is the same registry",
    async run(trial) {
      const above = linked(trial, dirname(trial.world.home));
      const environment = { LAUNCH_CLAIM_HOME: join(above, basename(trial.world.home)) };
      await isTheSame(trial, { name: "below a link", environment });
    },
  },
  {
    name: "a data directory that is a link is refused",
    quick: true,
    async run(trial) {
      const environment = { LAUNCH_CLAIM_HOME: linked(trial, trial.world.home) };
      const where = { name: "through a link", environment };
      await trial.claims(HERE, ID);
      await trial.isRefused(where, ["status", ID], "directory_unsafe");
      const launch = ["launch", ID, "--prompt", "work", "--", ...trial.world.agent({})];
      await trial.isRefused(where, launch, "directory_unsafe");
      await trial.isState(HERE, ID, "live");
    },
  },
  {
    name: "a data directory that is mounted elsewhere, too, is the same registry",
    whyNot: () => whyNot("nothing can be mounted in a namespace of its own", IN_MOUNTS),
    async run(trial) {
      const elsewhere = join(dirname(trial.world.workspace), "elsewhere");
      await trial.claims(HERE, "FIRST");
      fs.mkdirSync(elsewhere);
      const mount = `mount --bind ${trial.world.home} ${elsewhere} && exec "$@"`;
      const prefix = [...IN_MOUNTS, "sh", "-c", mount, "sh"];
      await isTheSame(trial, { name: "over a mount", prefix, environment: { LAUNCH_CLAIM_HOME: elsewhere } });
    },
  },
];

export const ELSEWHERE: readonly Case[] = [
  asNobody,
  ...namespaces.map((one): Case => ({
    ...one,
    whyNot: () => whyNot("there can be no other PID namespace", IN_NAMESPACE),
  })),
  ...PATHS,
];
