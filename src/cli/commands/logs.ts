import { join } from "node:path";
import { LaunchClaimError } from "../../errors.js";
import { legible, printable } from "../../text.js";
import type { StoredPod } from "../../ports.js";
import type { Call, Command } from "../command.js";
import { EXIT } from "../exit-codes.js";
import { followLog, logLines } from "../log-file.js";
import { UsageError } from "../usage-error.js";

const LOG = "pod.log";

export const logs: Command = {
  name: "logs",
  positionals: [{ name: "ticket|pod" }],
  flags: {
    follow: { help: "go on with what is written from now on, until interrupted" },
    lines: { value: "N", help: "only the last N lines of what there is" },
  },
  about: `The log of a Pod: what its guardian did, what its agent said on standard error, and what a plain program said
on standard output. Of a ticket, that of its latest Pod, also of one whose launch failed.
With --json each line is {"pod":…,"line":…}.`,
  run,
};

async function run(call: Call): Promise<number> {
  const { args, terminal, io } = call;
  const [named = ""] = args.positionals;
  const lines = lineCount(args.text("lines"));
  const found = await findPod(named, call);
  if (found === undefined) {
    throw new LaunchClaimError(
      "pod_unreachable",
      `no Pod of a ticket ${printable(named)}, nor one of that name`,
    );
  }
  const { pod, file } = found;
  const show = (line: string) => {
    // What was logged is legible already, but a log is a file that anything may have written to.
    if (terminal.json) terminal.printJson({ pod, line });
    else terminal.print(legible(line, 10_000));
  };
  const follow = args.flag("follow");
  // Taken BEFORE the first line is shown: whoever has seen it may interrupt at once.
  const signal = follow ? AbortSignal.any([io.interrupts(), io.closed]) : undefined;
  const past = logLines(file);
  if (past === undefined && signal === undefined) {
    throw new LaunchClaimError("pod_unreachable", `Pod ${printable(pod, 200)} has no log here`);
  }
  if (past?.lines.length === 0) terminal.tell(`${legible(pod)} wrote nothing`);
  for (const line of last(past?.lines ?? [], lines)) show(line);
  if (signal) await followLog(file, past?.end, { show, signal });
  if (follow && !terminal.json) terminal.leaveInterruptLine();
  return EXIT.done;
}

function last(lines: readonly string[], count: number | undefined): readonly string[] {
  if (count === undefined) return lines;
  return count === 0 ? [] : lines.slice(-count);
}

function lineCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/u.test(text)) return Number(text);
  throw new UsageError(`--lines: expected a number of lines, but came ${printable(text)}`);
}

/** The latest Pod of the ticket; else the Pod of that name. */
async function findPod(
  named: string,
  { home, workspace }: Call,
): Promise<{ readonly pod: string; readonly file: string } | undefined> {
  // No verbs: a log is wanted most when the configuration cannot be read.
  const [{ FileRegistry }, { Layout }, { checkTicket }, { findWorkspace }] = await Promise.all([
    import("../../registry/file-registry.js"),
    import("../../registry/layout.js"),
    import("../../registry/names.js"),
    import("../../registry/workspace.js"),
  ]);
  const place = findWorkspace(workspace(), home);
  const registry = new FileRegistry({ workspace: place });
  const layout = new Layout(place.directory);
  const logOf = (stored: StoredPod) => {
    if (stored.kind === "unreadable") return { pod: stored.pod, file: join(stored.file, "..", LOG) };
    const { ticket, pod } = stored.record;
    return { pod, file: join(layout.pod(ticket, pod), LOG) };
  };
  const [latest] = await registry.pods(checkTicket({ id: named }));
  if (latest) return logOf(latest);
  const ofThatName = (await registry.pods()).map(logOf).find(({ pod }) => pod === named);
  return ofThatName;
}
