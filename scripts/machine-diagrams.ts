import { MACHINES } from "../src/graph/machines.js";
import { mermaidOf } from "../src/graph/mermaid.js";
import { tableOf, withGenerated } from "./mermaid.js";

/** The names of the generated parts of `machines/README.md`, by machine. */
const PARTS = {
  launch: { exits: "exits", diagram: "diagram" },
  restore: { exits: "restore exits", diagram: "restore diagram" },
  pod: { exits: "pod exits", diagram: "pod diagram" },
} satisfies Record<keyof typeof MACHINES, unknown>;

/** `machines/README.md` with its generated parts as the machines are now. */
export function withMachines(readme: string): string {
  return (["launch", "restore", "pod"] as const).reduce((document, name) => {
    const { machine, kinds } = MACHINES[name];
    const { exits, diagram } = PARTS[name];
    const fence = "```";
    const drawn = `${fence}mermaid\n${mermaidOf(machine, kinds)}\n${fence}`;
    return withGenerated(withGenerated(document, exits, tableOf(machine, kinds)), diagram, drawn);
  }, readme);
}
