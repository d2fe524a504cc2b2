/**
 * The enumeration, checked by another enumerator. `@xstate/test` refuses machines with `invoke`, so the launch machine is projected
 * to its plain transitions: what stands in its definition, without running it and without payloads. All that the machine's
 * guards remember is why a launch is being stopped; the projection carries it in the names of its states.
 */
import { createTestModel } from "@xstate/test";
import { createMachine, type AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";
import { expect, it } from "vitest";
import { launchMachine } from "launch-claim/machines";
import { simplePaths } from "launch-claim/testing";

type Kind = "none" | "failed" | "timedOut" | "cancelled" | "lost";

const kindOfAction: Readonly<Record<string, Kind>> = {
  endAsFailed: "failed",
  endAsTimedOut: "timedOut",
  endAsCancelled: "cancelled",
  endAsLost: "lost",
};
const kindOfGuard: Readonly<Record<string, Kind>> = {
  becauseFailed: "failed",
  becauseTimedOut: "timedOut",
  becauseCancelled: "cancelled",
};

it("counts as many simple paths in the projected machine as xstate/graph finds in the running one", () => {
  const model = createTestModel(createMachine(project()) as never);
  const found: readonly { readonly state: { readonly status: string } }[] = model.getSimplePaths();
  const complete = found.filter(({ state }) => state.status === "done");
  expect(complete).toHaveLength(simplePaths().length);
});

function project() {
  const states: Record<string, { type?: "final"; on?: Record<string, string> }> = {};
  const leaves = new Map(
    getStateNodes(launchMachine.root).map((node): [string, AnyStateNode] => [node.id, node]),
  );
  const visit = (node: AnyStateNode, kind: Kind): string => {
    const leaf = enter(node);
    const name = `${leaf.path.join("_")}__${kind}`;
    if (states[name]) return name;
    if (leaf.type === "final") {
      states[name] = { type: "final" };
      return name;
    }
    const on: Record<string, string> = {};
    states[name] = { on };
    for (const at of upwards(leaf)) {
      for (const [event, candidates] of at.transitions) {
        candidates.forEach(({ target, guard, actions }, index) => {
          const [to] = target ?? [];
          if (to === undefined || !mayBeTaken(guard, candidates.length, kind)) return;
          const label = `${event}#${index}`.replaceAll(".", "_");
          on[label] = visit(leaves.get(to.id) ?? (to as AnyStateNode), kindAfter(actions) ?? kind);
        });
      }
    }
    return name;
  };
  const initial = visit(launchMachine.root, "none");
  return { id: "projection", initial, states };
}

function enter(node: AnyStateNode): AnyStateNode {
  // Typed as always there, which is not so for a leaf.
  const { initial } = node as { readonly initial?: { readonly target?: readonly AnyStateNode[] } };
  const [first] = initial?.target ?? [];
  return first && first !== node ? enter(first) : node;
}

function upwards(node: AnyStateNode): AnyStateNode[] {
  return node.parent ? [node, ...upwards(node.parent)] : [node];
}

/** Only the guards by name depend on what the launch remembers; behind them, the last candidate is for what they leave. */
function mayBeTaken(guard: unknown, candidates: number, kind: Kind): boolean {
  if (typeof guard === "string") return kindOfGuard[guard] === kind;
  const last = guard === undefined && candidates > Object.keys(kindOfGuard).length;
  return !last || !Object.values(kindOfGuard).includes(kind);
}

function kindAfter(actions: readonly unknown[]): Kind | undefined {
  for (const action of actions) {
    const type =
      typeof action === "object" && action !== null && "type" in action ? String(action.type) : undefined;
    if (type !== undefined && kindOfAction[type]) return kindOfAction[type];
  }
  return undefined;
}
