import type { AnyStateMachine, AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";
import { arrowsOf, nameOf, type ResultKinds } from "./exits.js";

/** The machine as a Mermaid `stateDiagram-v2`, one arrow for each pair of states. */
export function mermaidOf(machine: AnyStateMachine, kinds: ResultKinds): string {
  const finals = getStateNodes(machine.root).filter(({ type }) => type === "final");
  return [
    "stateDiagram-v2",
    ...statesIn(machine.root, "  "),
    ...arrowsOf(machine, kinds).map(({ from, to, labels }) => `  ${from} --> ${to} : ${labels.join(" / ")}`),
    ...finals.map(({ key }) => `  ${key} --> [*]`),
  ].join("\n");
}

function statesIn(parent: AnyStateNode, indent: string): string[] {
  return [
    ...parent.initial.target.map(({ key }) => `${indent}[*] --> ${key}`),
    ...Object.values(parent.states).flatMap((state) => {
      if (state.type === "compound")
        return [`${indent}state ${state.key} {`, ...statesIn(state, `${indent}  `), `${indent}}`];
      const invoked = state.invoke.map(({ src }) => `${indent}${state.key} : invokes ${nameOf(src)}`);
      return [`${indent}${state.key} : ${state.key}`, ...invoked];
    }),
  ];
}
