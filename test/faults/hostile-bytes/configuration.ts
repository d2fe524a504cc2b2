import fs from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { CONFIG_FILE } from "../../../src/config/defaults.js";
import { readConfig, roleIn } from "../../../src/config.js";
import { findJsonError } from "../../../src/config/json-error.js";
import { LaunchClaimError } from "../../../src/errors.js";
import { findWorkspace } from "../../../src/registry/workspace.js";
import { isLegible } from "../../../src/text.js";
import { parseItem } from "../../../src/tickets/item.js";
import { isTrusted } from "../../../src/trust.js";
import { disposableDirectory } from "../../fixtures/temporary.js";
import { damagedBytes, hostileJson } from "./mutations.js";
import { demand, forAll, ours, type Amount, type Part } from "./property.js";

const CONFIG = {
  agents: {
    one: {
      driver: "acp",
      command: ["a", "acp"],
      evidence: "progress",
      settleMs: 400,
      environment: { KEY: "value" },
    },
    two: { driver: "command", command: ["b"], accept: "output:^ready" },
  },
  roles: { coder: { agent: "one", peers: ["p"], whenDone: "keep", permissions: "ask" }, "my role": {} },
  timeouts: { readyMs: 30_000 },
  idleStopMs: 1_000,
};

const ITEM =
  "---\nid: T-1\nslug: a-slug\ntitle: 'A title'\nworkflow_state: ready\nlabels: [a, {b: c}]\n---\n\nThe body.\n";

const withOtherField = fc
  .tuple(
    fc.constantFrom("id", "slug", "title", "workflow_state", "labels"),
    fc.constantFrom(
      "T-2",
      "t-1",
      "../T-1",
      "",
      "null",
      "[a]",
      "{a: b}",
      "&x [*x]",
      '"\\u202e"',
      "!!js 1",
      "|",
      "T-1",
    ),
  )
  .map(([field, put]) =>
    Buffer.from(ITEM.replace(new RegExp(`^${field}: .*$`, "mu"), () => `${field}: ${put}`)),
  );

/** What a repository or a home directory holds that launch-claim reads: read, or refused by a message that a screen can show. */
export async function sweepConfiguration(amount: Amount): Promise<readonly Part[]> {
  using directory = disposableDirectory();
  const project = join(directory.path, "project");
  fs.mkdirSync(project);
  const workspace = findWorkspace(project, join(directory.path, "home"));
  return [await sweepConfig(project, amount), await sweepTrust(workspace, amount), await sweepItems(amount)];
}

async function sweepConfig(project: string, amount: Amount): Promise<Part> {
  const file = join(project, CONFIG_FILE);
  fs.writeFileSync(file, JSON.stringify(CONFIG));
  const valid = readConfig(project).source?.sha256;
  return await forAll(
    "damaged configurations",
    amount,
    hostileJson(CONFIG, JSON.stringify(CONFIG, null, 2)),
    async (damaged) => {
      fs.writeFileSync(file, damaged);
      const config = await ours(() => readConfig(project));
      if (LaunchClaimError.is(config)) {
        const lines = config.message.split("\n");
        demand(
          config.code === "config_invalid" && config.message.includes(file),
          `refused by ${config.code}: ${config.message}`,
        );
        demand(
          lines.every(isLegible) && config.message.length < 8_000,
          `a message that no screen can show: ${JSON.stringify(config.message)}`,
        );
        const text = damaged.toString("utf8");
        const found = findJsonError(text);
        demand(
          found === undefined || found.line <= text.split("\n").length,
          "an error after the end of the file",
        );
        return;
      }
      const source = config.source;
      const isSame = damaged.toString("utf8") === JSON.stringify(CONFIG);
      demand((source?.sha256 === valid) === isSame, "its hash does not tell it from another text");
      for (const role of ["coder", "__proto__", "constructor", "toString", "nobody"]) {
        const found = await ours(() => roleIn(config, role));
        if (role !== "coder" && !Object.hasOwn(config.roles, role))
          demand(LaunchClaimError.is(found) && found.code === "role_unknown", `there is a role ${role}`);
      }
    },
  );
}

async function sweepTrust(workspace: ReturnType<typeof findWorkspace>, amount: Amount): Promise<Part> {
  const trust = join(workspace.parents[0] ?? "", "trust");
  fs.mkdirSync(trust, { recursive: true, mode: 0o700 });
  const file = join(trust, `${basename(workspace.directory)}.json`);
  const source = { file: join(workspace.root, CONFIG_FILE), sha256: "0".repeat(64) };
  const record = {
    format: "launch-claim/trust",
    version: 1,
    workspace: workspace.main,
    configurations: [{ ...source, trustedAt: "2026-01-01T00:00:00.000Z" }],
  };
  return await forAll("damaged trust files", amount, hostileJson(record), async (damaged) => {
    fs.writeFileSync(file, damaged, { mode: 0o600 });
    const trusted = await ours(() => isTrusted(workspace, source));
    if (LaunchClaimError.is(trusted)) {
      const isTold = trusted.code === "record_damaged" && isLegible(trusted.message);
      demand(isTold, `refused by ${trusted.code}`);
      return;
    }
    const { configurations } = JSON.parse(damaged.toString()) as typeof record;
    const named = configurations.some((one) => one.file === source.file && one.sha256 === source.sha256);
    demand(
      trusted === named,
      `${trusted ? "" : "not "}trusted, which the file does ${named ? "" : "not "}say`,
    );
  });
}

async function sweepItems(amount: Amount): Promise<Part> {
  const place = { file: "open/T-1/item.md", name: "T-1", closed: false };
  return await forAll(
    "damaged ticket files",
    amount,
    fc.oneof(damagedBytes(ITEM), withOtherField),
    async (damaged) => {
      const ticket = await parseItem(damaged.toString("utf8"), place).catch((error: unknown) => {
        demand(error instanceof Error && error.message !== "", "refused without a word");
        return undefined;
      });
      if (ticket === undefined) return;
      demand(
        ticket.id === "T-1" && isLegible(ticket.slug ?? "") && ticket.title !== "",
        "a ticket that is not the one of its directory",
      );
    },
  );
}
