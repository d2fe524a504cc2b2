import { messageOf } from "../../errors.js";
import type { PodRecord } from "../../ports.js";
import { legible, printable } from "../../text.js";
import { adviceForBlock } from "../advice.js";
import { Attachment } from "./attachment.js";
import { awaitItsEnd, findPod } from "./find-pod.js";
import { LineEditor } from "./line-editor.js";
import { Screen } from "./screen.js";
import { viewForPeople, viewForPrograms } from "./view.js";
import type { Call } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { tellAdvice } from "../tell-advice.js";
import { openReading } from "../verbs.js";

const DIAL_MS = 5_000;

/** @returns the exit code */
export async function runAttach(call: Call): Promise<number> {
  const { args } = call;
  const [named = ""] = args.positionals;
  const found = await findPod(named, call);
  switch (found.kind) {
    case "running":
      return await attachTo(found.record, found.socket, call);
    case "starting":
      return notAttached(`Pod ${found.record.pod} is being started, and takes nobody yet`, call);
    case "down":
      return await reportDown(found.record.ticket.id, `Pod ${found.record.pod} does not run`, call);
    case "none":
      return await reportDown(named, undefined, call);
  }
}

async function attachTo(record: PodRecord, socket: string, call: Call): Promise<number> {
  const { io, terminal, line } = call;
  const { PodConnection } = await import("../../protocol/connection.js");
  const signal = AbortSignal.any([io.interrupts(), io.closed]);
  const answers = io.input.isTTY && terminal.isLive.results && !terminal.json;
  const screen = new Screen(terminal, answers);
  const elsewhere = line("attach", { id: record.ticket.id });
  const attachment = new Attachment(
    terminal.json ? viewForPrograms(terminal) : viewForPeople({ terminal, screen, answers, elsewhere }),
  );
  const dialing = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]);
  let connection;
  try {
    ({ connection } = await PodConnection.open(socket, dialing, attachment));
  } catch (error) {
    if (signal.aborted) return EXIT.done;
    return notAttached(`Pod ${record.pod} does not answer: ${messageOf(error)}`, call);
  }
  attachment.begin(connection);
  const left = new AbortController();
  const deaf = listen(attachment, { io, screen, answers, leave: () => left.abort() });
  const end = await Promise.race([
    attachment.ended,
    aborted(AbortSignal.any([signal, left.signal])).then(() => "left" as const),
  ]);
  deaf();
  screen.close();
  connection.finish();
  if (end === "left") {
    tellLeft(record, attachment, call);
    return EXIT.done;
  }
  return await tellEnd(end, record, call);
}

interface Listening {
  readonly io: Call["io"];
  readonly screen: Screen;
  /** True: single keys are read. */
  readonly answers: boolean;
  readonly leave: () => void;
}

/** @returns what ends the listening */
function listen(attachment: Attachment, { io, screen, answers, leave }: Listening): () => void {
  const editor = new LineEditor();
  let rest = "";
  return io.input.listen({
    keys: answers,
    hear(text) {
      if (!answers) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line.trim() !== "") attachment.say(line);
        return;
      }
      for (const typed of editor.press(text, (key) => attachment.isAnswer(key))) {
        if (typed.kind === "leave") leave();
        else if (typed.kind === "key") attachment.answer(typed.key);
        else {
          screen.type("");
          attachment.say(typed.text);
        }
      }
      screen.type(editor.line);
    },
    end() {
      if (rest.trim() !== "") attachment.say(rest);
      rest = "";
      // A terminal that ends is left. A pipe has merely no more messages.
      if (io.input.isTTY) leave();
    },
  });
}

function tellLeft({ pod }: PodRecord, { waiting }: Attachment, { terminal }: Call): void {
  if (terminal.json) return;
  if (waiting > 0)
    terminal.tell(`${terminal.paintMessage("yellow", "note:")} not sent: messages that waited (${waiting})`);
  terminal.tell(`detached; Pod ${legible(pod)} goes on`);
}

/** What has become of the Pod: by its record, and by the Pod lock if it has not said good-bye. */
async function tellEnd(
  end: "shutdown" | "lost",
  { pod, ticket, launchId }: PodRecord,
  call: Call,
): Promise<number> {
  const { terminal, line } = call;
  if (end === "lost") await awaitItsEnd(ticket, call);
  const found = await findPod(pod, call);
  if (end === "lost" && found.kind === "running" && found.record.launchId === launchId) {
    return notAttached(`Pod ${pod} has dropped this connection, and goes on`, call);
  }
  if (terminal.json) return EXIT.done;
  const stopReason = found.kind === "none" ? undefined : found.record.stopReason;
  const how = stopReason === undefined ? "" : `; its first run had ended: ${legible(stopReason, 200)}`;
  const status = line("status", { id: ticket.id });
  if (end === "shutdown") terminal.tell(`Pod ${legible(pod)} has ended${how}`);
  else terminal.tell(`Pod ${legible(pod)} is gone without a word${how}; what is left of it: ${status}`);
  return EXIT.done;
}

/** Nothing of the guardian's runs: what stands instead, and what to do about it. */
async function reportDown(id: string, reason: string | undefined, call: Call): Promise<number> {
  const { terminal, line } = call;
  const [claim] = (await (await openReading(call)).status({ id })).claims;
  if (!claim) {
    terminal.tell(
      reason === undefined ? `no Pod of a ticket ${printable(id)}, nor one of that name` : legible(reason),
    );
    tellAdvice([{ command: line("status"), does: "which Pods run" }], terminal);
    return EXIT.failed;
  }
  const { state, evidence, claim: standing, file, expect } = claim;
  const { reason: why, pids } = evidence;
  if (state === "live") return notAttached(`${why}, but only its own host can attach to it`, call);
  terminal.tell(`${terminal.paintMessage("red", "not attached:")} ${legible(id, 100)}: ${legible(why)}`);
  const block = {
    by: state,
    reason: why,
    pids,
    ...(standing && { claim: standing }),
    ...(file !== undefined && { file }),
    ...(expect !== undefined && { expect }),
  };
  tellAdvice(adviceForBlock(block, id, line), terminal);
  return EXIT.blocked;
}

function notAttached(reason: string, { terminal }: Call): number {
  terminal.tell(`${terminal.paintMessage("red", "not attached:")} ${legible(reason, 1_000)}`);
  return EXIT.blocked;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
