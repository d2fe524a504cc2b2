import { randomUUID } from "node:crypto";
import type { PodConnection, PodListener } from "../../protocol/connection.js";
import { eventOf, type PodEvent, type PodStatus, type Snapshot } from "../../protocol/messages.js";
import { optionsOf, type PermissionOption } from "../../protocol/permission.js";

/** What a person, or a program, is shown of a Pod. */
export interface View {
  /** What came, as it came. */
  raw(line: string): void;
  begin(snapshot: Snapshot): void;
  show(event: PodEvent): void;
  /** So many events before what follows are not kept any more. */
  leftOut(count: number): void;
  /** A permission request waits for an answer: of the keys from 1 to `options`, as many as there are. */
  waits(options: number): void;
  /** A message waits until the Pod can take it. */
  queued(): void;
}

interface OpenRequest {
  readonly id: string;
  readonly options: readonly PermissionOption[];
  isAnswered: boolean;
}

interface Message {
  readonly runId: string;
  readonly text: string;
}

/**
 * One client's view of a Pod: what came before, what comes, and what the client says. The Pod takes one run at a time, so that a
 * message waits here for the end of the run that is under way, whosever it is.
 */
export class Attachment implements PodListener {
  readonly #view: View;
  #connection: PodConnection | undefined;
  #launchId = "";
  #status: PodStatus = "running";
  /** Until the history has come, what comes is a part of it. */
  #isCaughtUp = false;
  #hasSaidGoodbye = false;
  readonly #requests = new Map<string, OpenRequest>();
  readonly #queue: Message[] = [];
  #sent: Message | undefined;
  #resolveEnd: (end: "shutdown" | "lost") => void = () => undefined;
  /** `shutdown`: the Pod has said that it ends. */
  readonly ended = new Promise<"shutdown" | "lost">((resolve) => (this.#resolveEnd = resolve));

  constructor(view: View) {
    this.#view = view;
  }

  /** Asks for what came before. */
  begin(connection: PodConnection): void {
    this.#connection = connection;
    connection.send({ method: "history" });
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  say(text: string): void {
    this.#queue.push({ runId: randomUUID(), text });
    this.#sendNext();
    if (this.#queue.length > 0) this.#view.queued();
  }

  /** Whether a key chooses something now. */
  isAnswer(key: string): boolean {
    return this.#chosenBy(key) !== undefined;
  }

  answer(key: string): void {
    const chosen = this.#chosenBy(key);
    if (!chosen) return;
    chosen.request.isAnswered = true;
    const outcome = { outcome: "selected", optionId: chosen.optionId } as const;
    const params = { request_id: chosen.request.id, outcome };
    this.#connection?.send({ method: "permission_response", params });
  }

  // ── What the Pod says ──

  event(event: PodEvent | undefined, line: string): void {
    if (event?.event === "snapshot") this.#begun(event.data);
    // A Pod that keeps no history says that it does not know the word.
    else if (event?.event === "error") this.#isCaughtUp = true;
    if (event?.event === "history") this.#catchUp(event.data);
    else if (event && this.#isCaughtUp) this.#take(event);
    if (this.#isCaughtUp || event?.event === "snapshot") this.#view.raw(line);
    this.#sendNext();
  }

  lost(): void {
    this.#resolveEnd(this.#hasSaidGoodbye ? "shutdown" : "lost");
  }

  #begun(snapshot: Snapshot): void {
    this.#launchId = snapshot.launch_id;
    this.#status = snapshot.status;
    this.#view.begin(snapshot);
  }

  #catchUp({ status, left_out, events }: Extract<PodEvent, { event: "history" }>["data"]): void {
    if (left_out > 0) this.#view.leftOut(left_out);
    const known = events.flatMap((raw) => eventOf(raw) ?? []);
    const resolved = new Set(
      known.map((event) => (event.event === "permission_resolved" ? event.data.request_id : undefined)),
    );
    for (const event of known) {
      if (event.event !== "permission_request") this.#take(event);
      // Those that are still open come again after this.
      else if (resolved.has(event.data.request_id)) this.#view.show(event);
    }
    this.#status = status;
    this.#isCaughtUp = true;
  }

  #take(event: PodEvent): void {
    switch (event.event) {
      case "permission_request":
        this.#requested(event);
        return;
      case "permission_resolved":
        this.#requests.delete(event.data.request_id);
        break;
      case "status":
        this.#status = event.data.status;
        break;
      case "run_rejected":
        if (this.#refused(event.data)) return;
        break;
      case "run_ended":
        if (event.data.run_id === this.#sent?.runId) this.#sent = undefined;
        break;
      case "shutdown":
        this.#hasSaidGoodbye = true;
        break;
      default:
    }
    this.#view.show(event);
    this.#askNext(event);
  }

  #requested(event: Extract<PodEvent, { event: "permission_request" }>): void {
    const { request_id: id, request, waits } = event.data;
    if (this.#requests.has(id)) return;
    this.#view.show(event);
    if (waits === false) return;
    const open = { id, options: optionsOf(request), isAnswered: false };
    this.#requests.set(id, open);
    if (this.#first() === open) this.#view.waits(open.options.length);
  }

  /** One was answered, and the next is not on the screen's last lines any more. */
  #askNext(event: PodEvent): void {
    const next = event.event === "permission_resolved" ? this.#first() : undefined;
    if (next) this.#view.waits(next.options.length);
  }

  /** @returns true if the message is sent again later, and nothing need be told */
  #refused({ run_id, code }: Extract<PodEvent, { event: "run_rejected" }>["data"]): boolean {
    const sent = this.#sent;
    if (run_id !== sent?.runId) return false;
    this.#sent = undefined;
    if (code !== "already_running" && code !== "not_confirmed") {
      // Refused before it began: the Pod's status has not changed, and is not told again.
      if (this.#status !== "draining") this.#status = "idle";
      return false;
    }
    // Somebody else was faster, or the Pod was restored a moment ago: it is told when the Pod is idle, again or at last.
    this.#queue.unshift(sent);
    this.#status = "running";
    this.#view.queued();
    return true;
  }

  #sendNext(): void {
    if (!this.#isCaughtUp || this.#status !== "idle" || this.#sent) return;
    const next = this.#queue.shift();
    if (!next) return;
    this.#sent = next;
    this.#status = "running";
    const input = [{ kind: "text" as const, content: next.text }];
    const params = { run_id: next.runId, launch_id: this.#launchId, input };
    this.#connection?.send({ method: "run", params });
  }

  #first(): OpenRequest | undefined {
    return [...this.#requests.values()].find(({ isAnswered }) => !isAnswered);
  }

  #chosenBy(key: string): { readonly request: OpenRequest; readonly optionId: string } | undefined {
    const request = this.#first();
    const option = /^[1-9]$/u.test(key) ? request?.options[Number(key) - 1] : undefined;
    return request && option && { request, optionId: option.optionId };
  }
}
