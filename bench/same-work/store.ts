import type { Claim } from "../../machines/launch.types.js";

/** A way of keeping claims: ours, or what people would pick instead. */
export interface StoreKind {
  readonly name: string;
  /** How it was used, in a sentence. */
  readonly how: string;
  /** What it leaves undone, whatever it costs. Empty for ours. */
  readonly notDone: readonly string[];
  /** A store below this directory, with so many claims that are merely there, durable or not. */
  open(directory: string, claims: readonly Claim[]): Store;
}

export interface Store {
  /** Takes the claim's ticket for itself alone, makes the claim durable, and lets others at the ticket again. @throws if another stands */
  claim(claim: Claim): Promise<void>;
  /** The same for its end, if the launch id is still that of this claim. @throws if not */
  release(claim: Claim): Promise<void>;
  /** Asks for all claims and how they stand, as far as it can tell. How many there are. */
  states(): Promise<number>;
  /** Takes away what a claim leaves behind besides: outside of the clock. */
  tidy?(claim: Claim): void;
  close?(): void;
}
