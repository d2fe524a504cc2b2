import fs from "node:fs";
import { join } from "node:path";
import { FileRegistry } from "../../../src/registry/file-registry.js";
import { Layout } from "../../../src/registry/layout.js";
import { findWorkspace } from "../../../src/registry/workspace.js";
import { textIfThere } from "../../fixtures/files.js";
import { compare } from "./compare.js";
import type { Told } from "./log.js";
import { newClaim, sessionOf } from "./records.js";

/** What is broken in the registry on a disk that has just come back, and in what the next launches make of it. */
export async function examineDisk(project: string, disk: string, told: Told): Promise<string[]> {
  const workspace = findWorkspace(project, join(disk, "home"));
  const layout = new Layout(workspace.directory);
  const registry = new FileRegistry({ workspace });
  const broken: string[] = [];

  const listed = new Set((await registry.list()).map((stored) => JSON.stringify(stored)));
  const sessions = await registry.sessions();
  for (const [id, must] of told.tickets) {
    const standing = await registry.read({ id });
    const file = textIfThere(layout.claim({ id }));
    const found = { standing, history: await registry.history({ id }), sessions, file };
    broken.push(...compare(must, found).map((what) => `${id}: ${what}`));
    if (standing && !listed.delete(JSON.stringify(standing))) broken.push(`${id}: list() does not show it`);
  }
  broken.push(...[...listed].map((stored) => `list() shows what nobody claimed: ${stored}`));
  for (const { code, message } of await registry.examine({ fix: false })) {
    if (code !== "temporary_left") broken.push(`${code}: ${message}`);
  }
  for (const id of told.tickets.keys()) {
    broken.push(...(await nextLaunch(registry, layout, id)).map((what) => `${id}: ${what}`));
  }
  return broken;
}

/** Whoever comes next finds the claim that stands, or can claim the ticket: no half of an ending is in its way. */
async function nextLaunch(registry: FileRegistry, layout: Layout, id: string): Promise<string[]> {
  const context = { signal: new AbortController().signal };
  const before = await registry.read({ id });
  const lock = await registry.lockLaunch({ id }, context);
  if (lock === undefined) return ["the launch lock is held, and nobody lives that could hold it"];
  try {
    if (before === undefined && fs.existsSync(layout.claim({ id })))
      return ["the file of an ended claim is still there once the launch lock was taken"];
    const claim = newClaim(id);
    const answer = await registry.commit(lock, { claim, session: sessionOf(claim) }, context);
    const wanted = before === undefined ? "committed" : "standing";
    return answer.kind === wanted ? [] : [`the next commit must be ${wanted}, and is ${answer.kind}`];
  } finally {
    lock.close();
  }
}
