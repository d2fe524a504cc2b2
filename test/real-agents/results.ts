/** What was measured, kept beside the agents: a cell that is measured again replaces itself, and the document is made of all. */
import fs from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { AGENTS } from "./agents.js";
import { cacheDirectory } from "./install.js";
import type { Measured } from "./measure-cell.js";
import { MODES } from "./modes.js";
import { KILLED, type MeasuredRestore } from "./restore-cell.js";
import { RESTORED, type MeasuredRestored } from "./restored-cell.js";
import { cellsOf, restoredCells, restoreRows } from "./table.js";

export function rememberCell(measured: Measured): void {
  remember(`${measured.agent}-${measured.version}-${measured.mode}`, measured);
}

export function rememberRestore(measured: MeasuredRestore): void {
  remember(`${measured.agent}-${measured.version}-${measured.killed}`, measured);
}

export function rememberRestored(measured: MeasuredRestored): void {
  remember(`${measured.agent}-${measured.version}-restored ${measured.killed}`, measured);
}

/** Of the pinned versions, in the order of the table. */
export function knownCells(): Measured[] {
  return AGENTS.flatMap(({ name, version }) =>
    MODES.flatMap((mode) => (recalled(`${name}-${version}-${mode}`) as Measured | undefined) ?? []),
  );
}

/** Writes docs/agents.md once every cell was measured; else says what is missing. */
export async function writeDocument(root: string): Promise<void> {
  const cells = knownCells();
  const missing = AGENTS.length * MODES.length - cells.length;
  if (missing > 0) {
    console.log(`docs/agents.md is not written: ${missing} cells were never measured here`);
    return;
  }
  const restores = AGENTS.flatMap(({ name, version }) =>
    KILLED.flatMap(
      (killed) => (recalled(`${name}-${version}-${killed}`) as MeasuredRestore | undefined) ?? [],
    ),
  );
  const restored = AGENTS.flatMap(({ name, version }) =>
    RESTORED.flatMap(
      (killed) => (recalled(`${name}-${version}-restored ${killed}`) as MeasuredRestored | undefined) ?? [],
    ),
  );
  const file = join(root, "docs/agents.md");
  fs.mkdirSync(join(root, "docs"), { recursive: true });
  const style = await resolveConfig(file);
  fs.writeFileSync(
    file,
    await format(documentOf(cells, { restores, restored }), { ...style, parser: "markdown" }),
  );
}

interface Restores {
  readonly restores: readonly MeasuredRestore[];
  readonly restored: readonly MeasuredRestored[];
}

function documentOf(cells: readonly Measured[], { restores, restored }: Restores): string {
  const versions = AGENTS.map((agent) => [agent.name, agent.package, agent.version]);
  const dates = [...new Set(cells.map(({ date }) => date))].sort().join(", ");
  return `# Real agents under launch-claim

Written by \`npm run test:agents\` from what it measured: each agent with each kind of model, and without credentials, launched
through the command line, in a home of its own. The model is a local one (\`test/real-agents/model-server.ts\`): it answers (\`ok\`), answers after
five seconds and slowly (\`slow\`), never answers (\`hang\`), refuses the key (\`401\`), breaks (\`500\`), hangs up (\`drop\`), or is not there, and no
key is (\`none\`). What each cell must be stands in \`test/real-agents/expected.ts\`.

Measured on ${dates}, Node ${process.versions.node}, ${process.platform}.

${markdown(["agent", "package", "version"], versions)}

## What became of each launch

*ready*: until the agent could take a run; *decided*: from there until it was known what became of the run, which \`--timeout runAck\`
bounds; *left*: processes ten seconds after the end, or after \`stop\`.

${markdown(
  ["agent", "model", "outcome", "why", "accepted by", "ready", "decided", "total", "claims", "left"],
  cells.map(cellsOf),
)}

${restored.length === 0 ? "" : restoredSection(restored)}
${restores.length === 0 ? "" : restoreSection(restores)}`;
}

function restoredSection(restored: readonly MeasuredRestored[]): string {
  return `## What \`launch-claim restore\` made of it

Guardian and agent were killed with SIGKILL, after the turn or in the middle of it; then \`restore\`, and \`stop\`. *Asked*: questions that
reached the model from the restore on: it sends no prompt.

${markdown(["agent", "killed", "outcome", "why", "claim", "asked", "claims", "left"], restored.map(restoredCells))}
`;
}

function restoreSection(restores: readonly MeasuredRestore[]): string {
  return `## What a new process can load again

Guardian and agent were killed with SIGKILL, after the turn or in the middle of it. Then a plain client started the agent anew, in the same
home, and asked for the session, in each way that the agent offers; *updates* came before the answer: the history. *A minute ago*: after
the turn, and a new minute of the clock had begun since. gemini names a session's file by the minute: loaded within the minute in which it
began, a session is overwritten, for good; later it comes back. So its first two rows depend on when they were measured, and its preset
says that its sessions are not restorable.

${markdown(["agent", "killed", "asked by", "answer", "updates"], restores.flatMap(restoreRows))}
`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function remember(name: string, value: object): void {
  fs.mkdirSync(resultsDirectory(), { recursive: true });
  fs.writeFileSync(join(resultsDirectory(), `${name}.json`), JSON.stringify(value));
}

function recalled(name: string): unknown {
  const file = join(resultsDirectory(), `${name}.json`);
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as unknown) : undefined;
}

function resultsDirectory(): string {
  return join(cacheDirectory(), "results");
}
