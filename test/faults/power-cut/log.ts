/** What the writer says of itself, in a file that no power cut touches, and what must be on its disk by that. */
import type { Claim } from "../../../machines/launch.types.js";

/** One change of one ticket's claim. A ticket has at most one under way. */
export interface Operation {
  readonly what: "commit" | "replace" | "end";
  readonly ticket: string;
  /** The claim that shall stand (`commit`, `replace`), or be history (`end`). */
  readonly claim: Claim;
}

export type Line =
  /** Written BEFORE the registry is called. */
  | { readonly say: "begin"; readonly operation: Operation }
  /** Written AFTER the registry has answered that it is done: from here on it must survive. */
  | { readonly say: "done"; readonly ticket: string }
  /** Where the writer is about to stop itself. */
  | { readonly say: "stop"; readonly at: string }
  /** A file of this name was written whole, and never synced. */
  | { readonly say: "unsynced"; readonly name: string };

/** What must be there of one ticket. */
export interface Acknowledged {
  /** The claim that stood when the last operation was acknowledged. */
  claim: Claim | undefined;
  /** The claims that were ended, by launch id. */
  readonly ended: Map<string, Claim>;
  /** Begun and not acknowledged: it may have happened, or not. */
  underWay: Operation | undefined;
}

export interface Told {
  readonly tickets: ReadonlyMap<string, Acknowledged>;
  readonly acknowledged: number;
  /** The last of each. */
  readonly stoppedAt: string | undefined;
  readonly unsynced: string | undefined;
}

/** @param text the whole log; the writer writes each line by one call, so that none is in pieces */
export function toldBy(text: string): Told {
  const tickets = new Map<string, Acknowledged>();
  let acknowledged = 0;
  let stoppedAt: string | undefined;
  let unsynced: string | undefined;
  for (const json of text.split("\n").filter((line) => line !== "")) {
    const line = JSON.parse(json) as Line;
    switch (line.say) {
      case "begin": {
        const { ticket } = line.operation;
        const known = tickets.get(ticket) ?? { claim: undefined, ended: new Map(), underWay: undefined };
        known.underWay = line.operation;
        tickets.set(ticket, known);
        break;
      }
      case "done":
        acknowledge(tickets.get(line.ticket));
        acknowledged += 1;
        break;
      case "stop":
        stoppedAt = line.at;
        break;
      case "unsynced":
        unsynced = line.name;
        break;
    }
  }
  return { tickets, acknowledged, stoppedAt, unsynced };
}

function acknowledge(known: Acknowledged | undefined): void {
  if (known?.underWay === undefined) throw new Error("the writer acknowledged what it had not begun");
  const { what, claim } = known.underWay;
  known.underWay = undefined;
  known.claim = what === "end" ? undefined : claim;
  if (what === "end") known.ended.set(claim.launchId, claim);
}
