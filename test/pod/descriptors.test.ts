/** What a Pod's processes have open: no descriptor that a host let slip through, and no lock but each its own. */
import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { cliBench, type CliBench } from "../fixtures/bad-agents.js";

const PROOFS = ["kernel", "scan"] as const;
const SLIPPED_FD = 40;
/**
 * A host that has this file open, as a descriptor that its children inherit. High, and after a gap: Node marks the lowest ones, and
 * what follows them without a gap, as not to be inherited when it starts, so these would not even get through the launcher.
 */
const letSlip = (file: string) => [
  "perl",
  "-MPOSIX",
  "-e",
  `open my $file, "<", shift or die; POSIX::dup2(fileno $file, ${SLIPPED_FD}); exec @ARGV`,
  file,
];

/** Launches with this proof, and tells which files the recorded processes have open, by their roles. */
async function filesOfPod(bench: CliBench, proof: string, under: readonly string[]) {
  const told = await bench.launch({}, [], { under, env: { LAUNCH_CLAIM_PROOF: proof } });
  expect(told.code, told.stderr).toBe(0);
  const [record] = bench.podRecords();
  expect(record).toMatchObject({ proof });
  const processes = record?.["processes"] as readonly { as: string; pid: number }[];
  return Object.fromEntries(processes.map(({ as, pid }) => [as, filesOf(pid)]));
}

function filesOf(pid: number): string[] {
  return fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

describe.each(PROOFS)("the processes of a Pod at %s level", (proof) => {
  it("do not have the descriptor that a host let slip through to the guardian", async () => {
    const bench = cliBench();
    const slipped = bench.path("slipped");
    fs.writeFileSync(slipped, "");
    const files = await filesOfPod(bench, proof, letSlip(slipped));
    expect(Object.keys(files)).toEqual(expect.arrayContaining(["guardian", "agent"]));
    for (const [role, open] of Object.entries(files)) expect(open, role).not.toContain(slipped);
  });

  it("have no lock but their own: the agent none, its reaper the agent lock, the guardian the Pod lock", async () => {
    const files = await filesOfPod(cliBench(), proof, []);
    const locks = Object.entries(files).map(([role, open]) => [
      role,
      open.filter((file) => file.includes("/locks/")).map((file) => file.slice(file.lastIndexOf(".") + 1)),
    ]);
    const reaper = proof === "kernel" ? { reaper: ["agent"] } : {};
    expect(Object.fromEntries(locks)).toEqual({ guardian: ["pod"], agent: [], ...reaper });
  });
});
