import type { AnyStateMachine, AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";

/**
 * What each invoked actor can settle with, by the actor's name: the `kind` of its result, and how to call it in an arrow. The
 * machine's guards are asked which of them they let through.
 */
export type ResultKinds = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Exit {
  readonly from: string;
  readonly to: string;
  readonly on: "done" | "error" | "after" | "event";
  readonly label: string;
}

/** Every transition of the machine's states, in the machine's order; not those of the machine as a whole. */
export function exitsOf(machine: AnyStateMachine, kinds: ResultKinds): Exit[] {
  return getStateNodes(machine.root).flatMap((state) =>
    [...state.transitions, ...alwaysOf(state)].flatMap(([event, transitions]) => {
      const actor = state.invoke.find(({ id }) => event === `xstate.done.actor.${id}`);
      // What no earlier transition of this event is sure to take.
      const open = new Map(Object.entries(kinds[nameOf(actor?.src)] ?? {}));
      return transitions.flatMap((transition, index) => {
        const { on, label } = reasonOf({ state, event, guard: transition.guard }, open);
        const before = transitions.slice(0, index).flatMap(({ guard }) => (isNamed(guard) ? guard : []));
        const isRest = !transition.guard && before.length > 0;
        // Beside an event's name it must be said what took the others: they may have no arrow of their own.
        const rest = on === "event" ? `${label} unless ${before.map(wordsOf).join(" or ")}` : "otherwise";
        const exit = { from: state.key, on, label: isRest ? rest : label };
        return (transition.target ?? []).map(({ key }) => ({ ...exit, to: key }));
      });
    }),
  );
}

/** One arrow for each pair of states, with everything that leads along it. */
export function arrowsOf(machine: AnyStateMachine, kinds: ResultKinds): Arrow[] {
  const arrows = new Map<string, Arrow & { readonly labels: string[] }>();
  for (const { from, to, on, label } of exitsOf(machine, kinds)) {
    const name = JSON.stringify([from, to]);
    const arrow = arrows.get(name) ?? { from, to, labels: [] };
    arrow.labels.push(on === "after" ? `after ${label}` : label);
    arrows.set(name, arrow);
  }
  return [...arrows.values()];
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly labels: readonly string[];
}

const ALWAYS = "";

function reasonOf(
  { state, event, guard }: { state: AnyStateNode; event: string; guard: unknown },
  open: Map<string, string>,
): Pick<Exit, "on" | "label"> {
  if (event.startsWith("xstate.error.actor.")) return { on: "error", label: "error" };
  if (event.startsWith("xstate.after.")) {
    return { on: "after", label: event.slice("xstate.after.".length, -`.${state.id}`.length) };
  }
  if (event === ALWAYS) return { on: "event", label: isNamed(guard) ? wordsOf(guard) : "at once" };
  if (!event.startsWith("xstate.done.actor.")) return { on: "event", label: event };

  // A named guard reads the context, not the result: what it does not take is still open to the next.
  if (isNamed(guard)) return { on: "done", label: wordsOf(guard) };
  const decides = typeof guard === "function" ? (guard as (args: unknown) => boolean) : undefined;
  const taken = [...open].filter(([kind]) => decides?.({ event: { output: { kind } } }) ?? true);
  for (const [kind] of taken) open.delete(kind);
  return { on: "done", label: taken.map(([, said]) => said).join(" or ") || "done" };
}

/** The transitions that no event starts, under a name that is no event's. */
function alwaysOf({ always }: AnyStateNode): [typeof ALWAYS, NonNullable<AnyStateNode["always"]>][] {
  return always ? [[ALWAYS, always]] : [];
}

function isNamed(guard: unknown): guard is string {
  return typeof guard === "string";
}

function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => ` ${letter.toLowerCase()}`);
}

/** Actors are named in the machine's setup; one that is written inline has no name to show. */
export function nameOf(src: unknown): string {
  return typeof src === "string" ? src : "an inline actor";
}
