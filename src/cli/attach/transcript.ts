import type { PodEvent, Snapshot } from "../../protocol/messages.js";
import { optionsOf, titleOf, type PermissionOption } from "../../protocol/permission.js";
import { legible } from "../../text.js";
import type { Terminal } from "../terminal.js";
import { parseUpdate, type Update } from "./agent-update.js";
import type { Screen } from "./screen.js";

/** Of one chunk, tool call or message; the rest of it is left out. */
const LONGEST = 100_000;
/** Of what was sent to the agent: an assignment may hold a whole ticket. */
const LONGEST_MESSAGE = 2_000;
const MAX_TOOL_CALLS = 200;

/** What a Pod tells, as text to read. */
export class Transcript {
  readonly #screen: Screen;
  readonly #terminal: Terminal;
  /** What is being streamed: a change begins a new line. */
  #streaming: Update["kind"] | undefined;
  readonly #tools = new Map<string, { readonly title: string; readonly status: string }>();
  #plan = "";
  readonly #options = new Map<string, readonly PermissionOption[]>();

  constructor(screen: Screen, terminal: Terminal) {
    this.#screen = screen;
    this.#terminal = terminal;
  }

  begin({ pod, ticket, role, agent }: Snapshot): void {
    const which = `Pod ${legible(pod, 100)} (${legible(agent.name, 60)})`;
    const what = ticket ? `for ticket ${legible(ticket.id, 100)}` : "without a ticket";
    this.#screen.note(`${which}, ${legible(role, 60)} ${what}`);
  }

  show(event: PodEvent): void {
    switch (event.event) {
      case "update":
        this.#update(event.data);
        break;
      case "user_message": {
        this.#tools.clear();
        this.#plan = "";
        const text = event.data.segments.map(({ content }) => content).join("\n");
        const shown = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
        this.#line(this.#terminal.paintResult("bold", `> ${block(shown, "  ")}`));
        break;
      }
      case "permission_request":
        this.#asked(event.data.request_id, event.data.request);
        break;
      case "permission_resolved":
        this.#resolved(event.data);
        break;
      case "run_rejected":
        this.#line(
          `${this.#terminal.paintResult("red", "not taken:")} ${block(event.data.message, "  ")} (${legible(event.data.code, 60)})`,
        );
        break;
      case "run_ended":
        this.#line(this.#dim(`the run has ended: ${block(event.data.stop_reason, "  ")}`));
        break;
      case "notify":
        this.#line(
          `${this.#terminal.paintResult("cyan", `${legible(event.data.from, 100)}:`)} ${legible(event.data.message, 2_000)}`,
        );
        break;
      case "error":
        this.#line(`${this.#terminal.paintResult("red", "error:")} ${legible(event.data.message, 2_000)}`);
        break;
      case "status":
        if (event.data.status === "draining") this.#line(this.#dim("the Pod is ending"));
        break;
      case "snapshot":
      case "run_accepted":
      case "peer_registered":
      case "history":
      case "shutdown":
        break;
    }
  }

  #update(raw: unknown): void {
    const update = parseUpdate(raw);
    switch (update?.kind) {
      case undefined:
        break;
      case "message":
      case "user":
        this.#stream(update.kind, legibleText(update.text));
        break;
      case "thought":
        this.#stream("thought", legibleText(update.text), (text) => this.#dim(text));
        break;
      case "tool":
        this.#tool(update);
        break;
      case "plan":
        this.#planned(update.entries);
        break;
      case "mode":
        this.#line(this.#dim(`mode: ${legible(update.mode, 60)}`));
    }
  }

  #tool({ id, title, status }: Extract<Update, { kind: "tool" }>): void {
    const known = this.#tools.get(id);
    const now = { title: title ?? known?.title ?? "tool", status: status ?? known?.status ?? "pending" };
    if (known?.title === now.title && known.status === now.status) return;
    this.#tools.delete(id);
    this.#tools.set(id, now);
    const [oldest] = this.#tools.keys();
    if (this.#tools.size > MAX_TOOL_CALLS && oldest !== undefined) this.#tools.delete(oldest);
    const colour = now.status === "failed" ? "red" : now.status === "completed" ? "green" : "yellow";
    this.#line(
      `* ${legible(now.title, 200)} [${this.#terminal.paintResult(colour, legible(now.status, 40))}]`,
    );
  }

  /** Agents send the whole plan again with each step; it is told again where something has changed. */
  #planned(entries: Extract<Update, { kind: "plan" }>["entries"]): void {
    const lines = entries
      .slice(0, 50)
      .map(({ content, status }) => `  [${MARKS[status] ?? " "}] ${legible(content, 200)}`);
    const text = ["plan:", ...lines].join("\n");
    if (text !== this.#plan) this.#line(text);
    this.#plan = text;
  }

  #asked(requestId: string, request: unknown): void {
    const options = optionsOf(request);
    this.#options.set(requestId, options);
    const asked = `${this.#terminal.paintResult("yellow", "permission:")} ${legible(titleOf(request), 500)}`;
    this.#line([asked, ...optionLines(options)].join("\n"));
  }

  #resolved({ request_id, outcome, by }: Extract<PodEvent, { event: "permission_resolved" }>["data"]): void {
    const options = this.#options.get(request_id) ?? [];
    this.#options.delete(request_id);
    const answer =
      outcome.outcome === "cancelled"
        ? "no answer"
        : legible(
            options.find(({ optionId }) => optionId === outcome.optionId)?.name ?? outcome.optionId,
            100,
          );
    this.#line(this.#dim(`  ${answer} (${ANSWERED_BY[by]})`));
  }

  #stream(kind: Update["kind"], text: string, paint?: (text: string) => string): void {
    if (this.#streaming !== kind && this.#streaming !== undefined) this.#screen.endLine();
    this.#streaming = kind;
    this.#screen.stream(text, paint);
  }

  #line(text: string): void {
    this.#streaming = undefined;
    this.#screen.line(text);
  }

  #dim(text: string): string {
    return this.#terminal.paintResult("dim", text);
  }
}

/** Numbered as the keys that choose them; more than nine have none. */
function optionLines(options: readonly PermissionOption[]): string[] {
  return options
    .slice(0, 9)
    .map(({ name, optionId }, index) => `  ${index + 1}  ${legible(name || optionId, 100)}`);
}

const MARKS: Readonly<Record<string, string>> = { completed: "x", in_progress: "~" };

const ANSWERED_BY = {
  client: "somebody who is attached",
  policy: "the role's policy",
  agent: "it is no longer asked",
} as const;

/** Its lines stay lines; nothing else of it acts on a screen. */
function legibleText(text: string): string {
  return text
    .slice(0, LONGEST)
    .replaceAll("\r\n", "\n")
    .replaceAll("\t", "    ")
    .split("\n")
    .map((line) => legible(line, Infinity))
    .join("\n");
}

/** The same, indented, so that no line of it looks like one of ours. */
function block(text: string, indent: string): string {
  return legibleText(text).trimEnd().replaceAll("\n", `\n${indent}`);
}
