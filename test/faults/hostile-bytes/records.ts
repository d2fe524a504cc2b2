import fs from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { LaunchClaimError } from "../../../src/errors.js";
import type { RoleSession, StoredClaim } from "../../../src/ports.js";
import { FileRegistry } from "../../../src/registry/file-registry.js";
import { Layout } from "../../../src/registry/layout.js";
import { serializeRecord } from "../../../src/registry/records.js";
import { findWorkspace } from "../../../src/registry/workspace.js";
import { claimOf, patient, podOf, sessionOf, treeOf } from "../../fixtures/registry-bench.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import { deepened, hostileJson } from "./mutations.js";
import { demand, forAll, ours, type Amount, type Part } from "./property.js";

type Kind = "claim" | "session" | "history" | "pod";
const KINDS: readonly Kind[] = ["claim", "session", "history", "pod"];
const WHEN = "2026-02-01T00:00:00.000Z";
const idFor = (digit: number) => `0199c0de-0000-7000-8000-00000000000${digit}`;

/** A ticket whose records are damaged, one whose records must stay as they are, and a registry that has both. */
class Records {
  readonly #directory = disposableDirectory();
  readonly #workspace;
  readonly layout: Layout;
  readonly registry: FileRegistry;
  readonly claims = [claimOf("T-1", idFor(1)), claimOf("T-2", idFor(2))] as const;
  readonly ended = [claimOf("T-1", idFor(3)), claimOf("T-2", idFor(4))] as const;

  constructor() {
    const project = join(this.#directory.path, "project");
    fs.mkdirSync(project);
    this.#workspace = findWorkspace(project, join(this.#directory.path, "home"));
    this.layout = new Layout(this.#workspace.directory);
    this.registry = this.open();
    for (const kind of KINDS) for (const which of [0, 1] as const) this.put(kind, which);
  }

  open(): FileRegistry {
    // What is durable is for another sweep: here the disk is not waited for.
    return new FileRegistry({ workspace: this.#workspace, sync: () => Promise.resolve() });
  }

  get marker(): object {
    return { format: "launch-claim/registry", version: 1, workspace: this.#workspace.main };
  }

  /** The valid record. */
  recordOf(kind: Kind, which: 0 | 1): object {
    const claim = this.claims[which];
    switch (kind) {
      case "claim":
        return {
          ...claim,
          agent: { driver: "acp", name: "a", command: ["a"], cwd: "/" },
          session: { id: "s", restorable: true },
        };
      case "session":
        return sessionOf(claim);
      case "history":
        return { claim: this.ended[which], endedAt: WHEN, how: "released", reason: "done", by: "me" };
      case "pod":
        return {
          ...podOf(claim, "started"),
          socket: "/s",
          permissions: [{ requestId: "1", title: "t", at: WHEN }],
        };
    }
  }

  textOf(kind: Kind, which: 0 | 1): string {
    return serializeRecord(kind, this.recordOf(kind, which));
  }

  fileOf(kind: Kind, which: 0 | 1): string {
    const { ticket, pod } = this.claims[which];
    switch (kind) {
      case "claim":
        return this.layout.claim(ticket);
      case "session":
        return this.layout.session(pod);
      case "history":
        return this.layout.historyEntry(ticket, this.ended[which].launchId);
      case "pod":
        return join(this.layout.pod(ticket, pod), "pod.json");
    }
  }

  put(kind: Kind, which: 0 | 1, bytes: string | Buffer = this.textOf(kind, which)): void {
    const file = this.fileOf(kind, which);
    fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    fs.writeFileSync(file, bytes, { mode: 0o600 });
  }

  /** As it was before anything was damaged or ended. */
  restore(): void {
    fs.rmSync(this.layout.historyOf(this.claims[0].ticket), { recursive: true, force: true });
    for (const kind of KINDS) this.put(kind, 0);
  }

  dispose(): void {
    this.#directory.dispose();
  }
}

/** Every reader, on valid records of which one is damaged. */
export async function sweepRecords(amount: Amount): Promise<readonly Part[]> {
  const records = new Records();
  try {
    const parts: Part[] = [];
    for (const kind of KINDS) {
      const text = records.textOf(kind, 0);
      const others = KINDS.map((other) => records.textOf(other, 1)).concat(
        KINDS.map((other) => records.textOf(other, 0)),
      );
      const bytes = fc.oneof(
        { weight: 9, arbitrary: hostileJson(JSON.parse(text) as object, text) },
        { weight: 1, arbitrary: fc.constantFrom(...others).map((other) => Buffer.from(other)) },
      );
      records.restore();
      parts.push(
        await forAll(
          `damaged ${kind} records`,
          amount,
          fc.tuple(bytes, fc.integer({ min: 1, max: 4 })),
          async ([damaged, turn]) => {
            records.put(kind, 0, damaged);
            const read = await checkReaders(records, kind);
            if (turn > 1) return;
            await checkWriters(records, kind, damaged, read);
            records.restore();
          },
          [...others.map((other) => Buffer.from(other)), ...deepened(text)].map((one): [Buffer, number] => [
            one,
            1,
          ]),
        ),
      );
    }
    parts.push(await sweepMarker(records, amount));
    return parts;
  } finally {
    records.dispose();
  }
}

/** One damaged record hides no other, is taken for no other, and what cannot be read is named by `examine`. */
async function checkReaders(records: Records, kind: Kind): Promise<StoredClaim | undefined> {
  const { registry, claims, ended } = records;
  const file = records.fileOf(kind, 0);
  const before = fs.readFileSync(file);
  let isRead = false;

  const list = await registry.list();
  demand(list.length === 2, `${list.length} claims are listed, not 2`);
  demand(
    list.some((one) => one.kind === "claim" && isDeepStrictEqual(one.claim, records.recordOf("claim", 1))),
    "the claim of T-2 is hidden",
  );
  const first = list.find((one) =>
    one.kind === "claim" ? one.claim.launchId !== claims[1].launchId || one.claim.ticket.id !== "T-2" : true,
  );
  demand(first !== undefined, "the claim of T-1 is hidden");
  if (first.kind === "claim")
    demand(first.claim.ticket.id === "T-1", `the claim of ${first.claim.ticket.id} stands for T-1`);
  else demand(first.ticket?.id === "T-1" && kind === "claim", "the file of T-1 is not told as that of T-1");
  const read = await ours(() => registry.read({ id: "T-1" }));
  if (LaunchClaimError.is(read))
    demand(read.code === "ticket_id_collision" && kind === "claim", `read ends with ${read.code}`);
  else demand(isDeepStrictEqual(read, first), "read and list do not agree");
  if (kind === "claim") isRead = first.kind === "claim";

  for (const entry of await registry.history({ id: "T-1" })) {
    demand(
      entry.claim.ticket.id === "T-1" && entry.claim.launchId === ended[0].launchId,
      "an entry of another is in the history of T-1",
    );
    if (kind === "history") isRead = true;
  }
  const history = await registry.history();
  demand(
    history.filter(({ claim }) => claim.ticket.id === "T-2").length === 1,
    "the history of T-2 is not one entry",
  );

  const sessions: readonly RoleSession[] = await registry.sessions();
  demand(
    isDeepStrictEqual(
      sessions.filter(({ pod }) => pod === claims[1].pod),
      [sessionOf(claims[1])],
    ),
    "the session of T-2 is not as it was",
  );
  const own = sessions.filter(({ pod }) => pod !== claims[1].pod);
  demand(
    own.every(({ pod }) => pod === claims[0].pod),
    "a session has another Pod's name than its file",
  );
  if (kind === "session") isRead = own.length === 1;

  const pods = await registry.pods();
  demand(pods.length === 2, `${pods.length} Pod records are listed, not 2`);
  demand(
    pods.some(
      (one) => one.kind === "pod" && one.record.ticket.id === "T-2" && one.record.pod === claims[1].pod,
    ),
    "the Pod of T-2 is hidden",
  );
  const [pod, ...more] = await registry.pods({ id: "T-1" });
  demand(pod !== undefined && more.length === 0, "T-1 has not one Pod record");
  if (pod.kind === "pod")
    demand(
      pod.record.ticket.id === "T-1" && pod.record.pod === claims[0].pod,
      "another's Pod record is taken for that of T-1",
    );
  if (kind === "pod") isRead = pod.kind === "pod";

  const findings = await registry.examine({ fix: false });
  demand(
    findings.every((finding) => finding.file === file),
    `findings about others: ${JSON.stringify(findings)}`,
  );
  demand(
    isRead ? findings.length === 0 : findings.length === 1,
    `${isRead ? "read" : "not read"}, and ${findings.length} findings`,
  );
  demand(
    findings.every(({ message }) => message.length < 2_000),
    "a finding shows the whole file",
  );
  demand(fs.readFileSync(file).equals(before), "a reader changed the record");
  return first;
}

/** What writes over a damaged record, or ends it, does so or refuses by an error of ours; what was there is not lost. */
async function checkWriters(
  records: Records,
  kind: Kind,
  damaged: Buffer,
  standing: StoredClaim | undefined,
): Promise<void> {
  const { registry, claims, layout } = records;
  const bystander = () =>
    JSON.stringify([
      treeOf(layout.historyOf({ id: "T-2" })),
      treeOf(layout.podsOf({ id: "T-2" })),
      fs.readFileSync(records.fileOf("claim", 1), "latin1"),
    ]);
  const before = bystander();
  await ours(() => registry.writeSession(sessionOf(claims[0])));
  await ours(() => registry.writePod(podOf(claims[0], "ended")));
  const lock = await ours(() => registry.lockLaunch({ id: "T-1" }, patient));
  if (lock !== undefined && !LaunchClaimError.is(lock)) {
    const back = await ours(() => registry.readBack(lock, records.ended[0].launchId));
    if (!LaunchClaimError.is(back) && back.kind === "ours")
      demand(back.claim.ticket.id === "T-1", "readBack gives another's claim");
    if (standing !== undefined) {
      const expect = standing.kind === "claim" ? standing.claim.launchId : standing.expect;
      const ended = await ours(() => registry.end(lock, { expect, how: "reclaimed", reason: "x", by: "me" }));
      if (!LaunchClaimError.is(ended)) {
        demand(ended.kind === "ended", `the claim was to be ended, and is ${ended.kind}`);
        demand((await registry.read({ id: "T-1" })) === undefined, "the claim stands after its end");
        if (standing.kind === "unreadable")
          demand(fs.readFileSync(ended.file).equals(damaged), "what could not be read was not kept");
      }
    }
    lock.close();
  } else demand(kind === "claim" && LaunchClaimError.is(lock), "the launch lock of T-1 is not given");
  demand(bystander() === before, "what belongs to T-2 was changed");
}

/** The file that says whose registry it is: opened for its own workspace only, and nothing is touched otherwise. */
async function sweepMarker(records: Records, amount: Amount): Promise<Part> {
  const { layout } = records;
  const valid = fs.readFileSync(layout.registry);
  const bytes = hostileJson(records.marker);
  const part = await forAll("damaged registry markers", amount, bytes, async (damaged) => {
    fs.writeFileSync(layout.registry, damaged);
    const opened = await ours(() => records.open());
    if (LaunchClaimError.is(opened))
      demand(
        ["record_damaged", "registry_newer", "registry_foreign"].includes(opened.code),
        `refused by ${opened.code}`,
      );
    else
      demand(
        (JSON.parse(damaged.toString()) as { workspace?: unknown }).workspace ===
          (records.marker as { workspace: string }).workspace,
        "a foreign registry was opened",
      );
    demand(fs.readFileSync(layout.registry).equals(damaged), "the marker was rewritten");
  });
  fs.writeFileSync(layout.registry, valid);
  return part;
}
