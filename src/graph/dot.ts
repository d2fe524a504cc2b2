import type { AnyStateMachine, AnyStateNode } from "xstate";
import { arrowsOf, nameOf, type ResultKinds } from "./exits.js";

/** The machine in Graphviz's language. An arrow from or to a state that has children is clipped at its frame. */
export function dotOf(machine: AnyStateMachine, kinds: ResultKinds): string {
  const arrows = arrowsOf(machine, kinds).map(({ from, to, labels }) => {
    const [source, target] = [innermost(machine.root, from), innermost(machine.root, to)];
    const ends = [
      ...(source === from ? [] : [`ltail=${id(`cluster_${from}`)}`]),
      ...(target === to ? [] : [`lhead=${id(`cluster_${to}`)}`]),
    ];
    return `  ${id(source)} -> ${id(target)} [${[`label=${id(labels.join("\n"))}`, ...ends].join(", ")}];`;
  });
  return [
    `digraph ${id(machine.id)} {`,
    "  compound=true;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...statesIn(machine.root, "  "),
    ...arrows,
    "}",
  ].join("\n");
}

function statesIn(parent: AnyStateNode, indent: string): string[] {
  return Object.values(parent.states).flatMap((state) => {
    if (state.type === "compound") {
      const inside = statesIn(state, `${indent}  `);
      const frame = `${indent}subgraph ${id(`cluster_${state.key}`)} {`;
      return [frame, `${indent}  label=${id(state.key)};`, ...inside, `${indent}}`];
    }
    const invoked = state.invoke.map(({ src }) => `invokes ${nameOf(src)}`);
    const last = state.type === "final" ? ", peripheries=2" : "";
    return [`${indent}${id(state.key)} [label=${id([state.key, ...invoked].join("\n"))}${last}];`];
  });
}

/** Graphviz draws arrows between nodes alone: of a state with children, to and from the one that it begins in. */
function innermost(root: AnyStateNode, key: string): string {
  const state = find(root, key);
  const [first] = state?.type === "compound" ? state.initial.target : [];
  return first ? innermost(root, first.key) : key;
}

function find(parent: AnyStateNode, key: string): AnyStateNode | undefined {
  for (const state of Object.values(parent.states)) {
    const found = state.key === key ? state : find(state, key);
    if (found) return found;
  }
  return undefined;
}

function id(text: string): string {
  return JSON.stringify(text);
}
