import fs from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../errors.js";
import { legible } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { UsageError } from "../usage-error.js";

const SCHEMA_FILE = "launch-claim.schema.json";

export const init: Command = {
  name: "init",
  positionals: [],
  flags: {},
  about: `Writes launch-claim.config.json with the defaults into the workspace, and beside it launch-claim.schema.json,
by which editors explain and complete each field. Never overwrites a file.`,
  run,
};

async function run({ terminal, workspace }: Call): Promise<number> {
  const [{ DEFAULT_IDLE_STOP_MS }, { CONFIG_FILE, DEFAULT_TIMEOUTS }, { configJsonSchema }] =
    await Promise.all([
      import("../../config.js"),
      import("../../config/defaults.js"),
      import("../../config/schema.js"),
    ]);
  const root = workspace();
  const config = {
    $schema: `./${SCHEMA_FILE}`,
    agents: {},
    roles: { intake: { whenDone: "keep" } },
    timeouts: DEFAULT_TIMEOUTS,
    idleStopMs: DEFAULT_IDLE_STOP_MS,
  };
  const files = [
    { path: join(root, CONFIG_FILE), content: config },
    { path: join(root, SCHEMA_FILE), content: configJsonSchema() },
  ];
  for (const { path } of files) if (fs.existsSync(path)) throw isThere(path);
  for (const { path, content } of files) write(path, content);
  const written = files.map(({ path }) => path);
  if (terminal.json) terminal.printJson({ written });
  else for (const path of written) terminal.print(`wrote ${legible(path, 4_000)}`);
  return EXIT.done;
}

function write(path: string, content: object): void {
  try {
    fs.writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`, { flag: "wx" });
  } catch (error) {
    if (errnoOf(error) === "EEXIST") throw isThere(path);
    throw error;
  }
}

function isThere(path: string): UsageError {
  return new UsageError(
    `${legible(path, 4_000)} is there already`,
    "Nothing is overwritten: remove it, or edit it.",
  );
}
