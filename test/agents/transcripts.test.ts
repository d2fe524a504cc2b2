/** What real agents said in each cell of the table, judged by their presets' rules: recorded by `npm run test:agents -- --record`. */
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { DEFAULT_EVIDENCE } from "../../src/config/evidence.js";
import { PRESETS } from "../../src/presets/presets.js";
import type { AcpEvidence } from "../../machines/launch.types.js";
import { AGENTS, type AgentName } from "../real-agents/agents.js";
import { EXPECTED, objectionTo } from "../real-agents/expected.js";
import { MODES, type Mode } from "../real-agents/modes.js";
import { readTranscript, type Transcript } from "../real-agents/transcript.js";
import { replay } from "./replay.js";

const directory = fileURLToPath(new URL("transcripts/", import.meta.url));
const CELLS = AGENTS.flatMap(({ name, version }) => MODES.map((mode) => ({ name, version, mode })));

function transcriptOf(name: AgentName, mode: Mode): Transcript {
  return readTranscript(fs.readFileSync(join(directory, `${name}-${mode}.jsonl`), "utf8"));
}

function rulesOf(name: AgentName): AcpEvidence {
  const recipe = PRESETS[name];
  if (recipe?.driver !== "acp") throw new Error(`${name} does not speak ACP`);
  return recipe.evidence;
}

describe("a recorded launch", () => {
  test.each(CELLS)("of $name ($version) with a model that is $mode is judged as it was", (cell) => {
    const { name, version, mode } = cell;
    const transcript = transcriptOf(name, mode);
    const { status, code, level, kind } = transcript.head;
    expect(transcript.head).toMatchObject({ agent: name, version, mode });
    const verdict = replay(transcript, rulesOf(name));
    expect(verdict).toEqual({ status, code, level, kind });
    expect(objectionTo(verdict, EXPECTED[name][mode])).toBeUndefined();
  });

  test.each([
    ["codex", "500", "endTurnNeedsProgress", { ...DEFAULT_EVIDENCE, requireMessageId: true }],
    ["codex", "500", "requireMessageId", { ...DEFAULT_EVIDENCE, endTurnNeedsProgress: true }],
    ["codex", "drop", "requireMessageId", { ...DEFAULT_EVIDENCE, endTurnNeedsProgress: true }],
    ["codex", "hang", "requireMessageId", { ...DEFAULT_EVIDENCE, endTurnNeedsProgress: true }],
    ["claude", "500", "settleMs", { ...DEFAULT_EVIDENCE, settleMs: 0 }],
  ] as const)(
    "of %s with a model that is %s would be a false claim without %s",
    (name, mode, _rule, rules) => {
      expect(replay(transcriptOf(name, mode), rules)).toMatchObject({ status: "claimed" });
    },
  );

  test("names no path of the machine that it was recorded on", () => {
    for (const file of fs.readdirSync(directory)) {
      const text = fs.readFileSync(join(directory, file), "utf8");
      expect(text.match(/\/(?:tmp|home|root|Users)\/[\w./-]*/gu) ?? [], file).toEqual([]);
      expect(text.length, file).toBeLessThan(24 * 1024);
    }
  });
});
