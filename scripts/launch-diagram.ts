import { MACHINES } from "../src/graph/machines.js";
import { mermaidOf } from "../src/graph/mermaid.js";
import { tableOf, withGenerated } from "./mermaid.js";

/** `machines/README.md` with its generated parts as the launch machine is now. */
export function withLaunchMachine(readme: string): string {
  const { machine, kinds } = MACHINES.launch;
  const fence = "```";
  const diagram = `${fence}mermaid\n${mermaidOf(machine, kinds)}\n${fence}`;
  return withGenerated(withGenerated(readme, "exits", tableOf(machine, kinds)), "diagram", diagram);
}
