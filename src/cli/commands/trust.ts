import { legible } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { UsageError } from "../usage-error.js";

export const trust: Command = {
  name: "trust",
  positionals: [],
  flags: {},
  about: `Allows this workspace's configuration, byte for byte as it is now, to name commands. A cloned repository
must not run commands by being opened: until this was done, and after each change of the file, a launch
of an agent that it configures is refused. Shows what is allowed. Presets and -- COMMAND need no trust.`,
  run,
};

async function run({ terminal, workspace, home }: Call): Promise<number> {
  const [{ readConfig }, { CONFIG_FILE }, { describeCommand }, { findWorkspace }, trusting] =
    await Promise.all([
      import("../../config.js"),
      import("../../config/defaults.js"),
      import("../../launch/agent.js"),
      import("../../registry/workspace.js"),
      import("../../trust.js"),
    ]);
  const found = findWorkspace(workspace(), home);
  const { source, agents } = readConfig(found.root);
  if (source === undefined) {
    throw new UsageError(`there is no ${CONFIG_FILE} in ${legible(found.root)}: nothing to trust`);
  }
  await trusting.trust(found, source);
  const commands = Object.entries(agents).map(([name, recipe]) => ({
    agent: name,
    command: describeCommand(recipe),
  }));
  if (terminal.json) terminal.printJson({ trusted: { ...source, commands } });
  else {
    terminal.print(`trusted ${legible(source.file, 4_000)}`);
    for (const { agent, command } of commands) terminal.print(`  ${legible(agent, 60)}: ${command}`);
    if (commands.length === 0) terminal.print("  it names no commands");
  }
  return EXIT.done;
}
