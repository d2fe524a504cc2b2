import fs from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, test } from "vitest";
import type { Sync } from "../../src/registry/durable.js";
import { FileRegistry } from "../../src/registry/file-registry.js";
import { Layout } from "../../src/registry/layout.js";
import { serializeRecord } from "../../src/registry/records.js";
import { findWorkspace } from "../../src/registry/workspace.js";
import { MemoryRegistry } from "../../src/testing/memory-registry.js";
import { claimRegistryContract, type OpenRegistry } from "../../src/testing/registry-contract.js";
import { disposableDirectory } from "../fixtures/temporary.js";

async function inFiles(sync?: Sync): Promise<OpenRegistry> {
  const directory = disposableDirectory();
  const project = join(directory.path, "project");
  fs.mkdirSync(project);
  const workspace = findWorkspace(project, join(directory.path, "home"));
  const layout = new Layout(workspace.directory);
  const open = () => new FileRegistry({ workspace, ...(sync && { sync }) });
  return {
    registry: open(),
    reopen: async () => open(),
    halfEnd: async (claim) => fs.writeFileSync(layout.claim(claim.ticket), serializeRecord("claim", claim)),
    damageClaim: async (ticket) => fs.truncateSync(layout.claim(ticket), 40),
    damagePod: async (ticket, pod) => fs.truncateSync(join(layout.pod(ticket, pod), "pod.json"), 40),
    close: async () => directory.dispose(),
  };
}

/** Each sync takes three turns of the event loop, no more and no less: every moment of a write is met. */
const inThreeTurns: Sync = async (fd) => {
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  fs.fsyncSync(fd);
};

const registries: Readonly<Record<string, () => Promise<OpenRegistry>>> = {
  "in memory": async () => ({ registry: new MemoryRegistry(), close: async () => undefined }),
  "in files": () => inFiles(),
  "in files that are synced step by step": () => inFiles(inThreeTurns),
};

for (const [name, open] of Object.entries(registries)) {
  describe(`claim registry ${name}`, () => {
    for (const { title, run } of claimRegistryContract(open)) test(title, run);
  });
}
