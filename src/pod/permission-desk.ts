import type { PermissionPolicy } from "../../machines/launch.types.js";
import type { AwaitedPermission } from "../ports.js";
import type { PodEvent } from "../protocol/messages.js";
import { optionsOf, titleOf } from "../protocol/permission.js";
import { legible } from "../text.js";
import type { PermissionOutcome, PermissionRequest } from "./agents/driver.js";

interface Open {
  readonly event: PodEvent;
  readonly request: unknown;
  readonly awaited: AwaitedPermission;
  /** Who has answered it, until the driver says that the answer counted. */
  by: "client" | "policy" | "agent";
}

export interface DeskSurroundings {
  readonly policy: PermissionPolicy;
  readonly tell: (event: PodEvent) => void;
  readonly answer: (requestId: string, outcome: PermissionOutcome) => void;
  /** Who asks for the Pod's status reads it. */
  readonly record: (open: readonly AwaitedPermission[]) => void;
  readonly log: (line: string) => void;
  /** ISO 8601, UTC. */
  readonly now: () => string;
}

const MAX_TITLE = 200;

/** The agent's permission requests: the role's policy answers them, or they wait for the first client that does. */
export class PermissionDesk {
  readonly #around: DeskSurroundings;
  readonly #open = new Map<string, Open>();

  constructor(around: DeskSurroundings) {
    this.#around = around;
  }

  /** Those that nobody has answered, for a client that comes later. */
  get open(): readonly PodEvent[] {
    return [...this.#open.values()].map(({ event }) => event);
  }

  requested({ requestId, request }: PermissionRequest): void {
    const { policy, tell, answer, log, now } = this.#around;
    const outcome = decisionOf(policy, request);
    const data = { request_id: requestId, request, waits: outcome === undefined };
    const event: PodEvent = { event: "permission_request", data };
    const title = legible(titleOf(request), MAX_TITLE);
    const open: Open = { event, request, awaited: { requestId, title, at: now() }, by: "agent" };
    this.#open.set(requestId, open);
    log(`the agent asks for a permission: ${title}`);
    tell(event);
    if (outcome) {
      open.by = "policy";
      answer(requestId, outcome);
    } else this.#record();
  }

  /** @returns why the answer does not count, if it does not */
  respond(
    requestId: string,
    outcome: PermissionOutcome,
  ): { readonly code: string; readonly message: string } | undefined {
    const open = this.#open.get(requestId);
    if (!open) {
      return { code: "permission_resolved", message: "nobody waits for that answer: another was first" };
    }
    const isOffered =
      outcome.outcome === "cancelled" ||
      optionsOf(open.request).some(({ optionId }) => optionId === outcome.optionId);
    if (!isOffered) return { code: "invalid_request", message: "the agent offers no such option" };
    open.by = "client";
    this.#around.answer(requestId, outcome);
    return undefined;
  }

  /** Answered, or over without an answer: everybody is told. */
  resolved(requestId: string, outcome: PermissionOutcome): void {
    const open = this.#open.get(requestId);
    if (!open) return;
    const { policy, tell, log } = this.#around;
    this.#open.delete(requestId);
    log(`the permission was resolved by the ${open.by}: ${chosen(outcome, open.request)}`);
    tell({ event: "permission_resolved", data: { request_id: requestId, outcome, by: open.by } });
    if (policy === "ask" || open.by !== "policy") this.#record();
  }

  #record(): void {
    this.#around.record([...this.#open.values()].map(({ awaited }) => awaited));
  }
}

/**
 * What the policy answers. `allow` grants this one time and never more: where only "always" is offered, a person is to say so.
 * `deny` always has an answer, if need be that nobody chose.
 */
function decisionOf(policy: PermissionPolicy, request: unknown): PermissionOutcome | undefined {
  const select = (kind: string): PermissionOutcome | undefined => {
    const option = optionsOf(request).find((one) => one.kind === kind);
    return option && { outcome: "selected", optionId: option.optionId };
  };
  switch (policy) {
    case "ask":
      return undefined;
    case "allow":
      return select("allow_once");
    case "deny":
      return select("reject_once") ?? select("reject_always") ?? { outcome: "cancelled" };
  }
}

function chosen(outcome: PermissionOutcome, request: unknown): string {
  if (outcome.outcome === "cancelled") return "cancelled";
  const option = optionsOf(request).find(({ optionId }) => optionId === outcome.optionId);
  return legible(option?.name ?? outcome.optionId, 100);
}
