import { legible, quoted } from "../../text.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import type { KnownAgent } from "../known-agents.js";
import { tableOf } from "../terminal.js";

export const agents: Command = {
  name: "agents",
  positionals: [],
  flags: {},
  about: `The agents that a launch can name: those of the configuration, then the presets that it does not replace. Of each,
whether its program is found, its version, and whether its sessions can be restored: yes, no, untried, or offered,
which means that the agent itself says so when it is launched. A version is read from the program's npm package;
where there is none, the program is asked for it (--version, five seconds at most), but never one that a
configuration names which you have not trusted.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { terminal, workspace, home, io } = call;
  const [{ readConfig }, { findWorkspace }, { isTrusted }, { findKnownAgents }] = await Promise.all([
    import("../../config.js"),
    import("../../registry/workspace.js"),
    import("../../trust.js"),
    import("../known-agents.js"),
  ]);
  const found = findWorkspace(workspace(), home);
  const config = readConfig(found.root);
  const known = await findKnownAgents({
    config,
    isTrusted: config.source !== undefined && isTrusted(found, config.source),
    root: found.root,
    env: io.env,
  });
  if (terminal.json) terminal.printJson({ agents: known });
  else printAgents(known, call);
  return EXIT.done;
}

function printAgents(known: readonly KnownAgent[], { terminal, line }: Call): void {
  const rows = known.map((agent) => [
    agent.name,
    agent.from,
    agent.version ?? (agent.needsTrust && agent.found ? "needs trust" : agent.found ? "unknown" : ""),
    agent.restores,
    agent.found ? (agent.file ?? "") : missing(agent),
    legible(agent.command.map(quoted).join(" "), 60),
  ]);
  const head = ["AGENT", "FROM", "VERSION", "RESTORES", "PROGRAM", "COMMAND"];
  const [first = "", ...lines] = tableOf(head, rows);
  for (const text of [terminal.paintResult("bold", first), ...lines]) terminal.print(text);
  for (const { name, found, install } of known) {
    if (!found && install !== undefined) terminal.tell(`to install ${name}: ${install}`);
  }
  if (known.some(({ needsTrust }) => needsTrust)) {
    terminal.tell(`agents of the configuration are not launched before: ${line("trust")}`);
  }
}

function missing({ file }: KnownAgent): string {
  return file === undefined ? "not found" : `not executable: ${file}`;
}
