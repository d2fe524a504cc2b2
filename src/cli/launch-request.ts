import fs from "node:fs";
import { resolve } from "node:path";
import { ACCEPT_FORM, parseAccept } from "../config/accept.js";
import { DURATION_FORM, parseDuration } from "../config/duration.js";
import { messageOf } from "../errors.js";
import type { LaunchRequest, UnticketedRequest } from "../requests.js";
import { printable } from "../text.js";
import type { LaunchTimeouts, WhenDone } from "../../machines/launch.types.js";
import type { Arguments } from "./arguments.js";
import type { Call } from "./command.js";
import { readPrompt } from "./prompt.js";
import { UsageError } from "./usage-error.js";

const PHASES: Readonly<Record<string, keyof LaunchTimeouts>> = {
  admit: "admitMs",
  ready: "readyMs",
  connect: "connectMs",
  peer: "peerMs",
  runAck: "runAckMs",
  commit: "commitMs",
  verify: "verifyMs",
  stop: "stopMs",
};
const WHEN_DONE: readonly WhenDone[] = ["keep", "stop", "release"];
const DRIVERS = ["acp", "command", "yoi"] as const;
const EVIDENCE = ["progress", "ack"] as const;

/** A launch on a ticket, or one without. */
export type AskedLaunch =
  | { readonly kind: "ticket"; readonly request: LaunchRequest }
  | { readonly kind: "noTicket"; readonly request: UnticketedRequest };

/**
 * What the command line asks for. Judged before anything is opened, and read from nowhere but the prompt's file.
 *
 * @throws UsageError
 */
export async function launchRequest({ args, io }: Call): Promise<AskedLaunch> {
  const [id] = args.positionals;
  const noTicket = args.flag("no-ticket");
  if (noTicket && id !== undefined) {
    throw new UsageError(`expected a ticket or --no-ticket, but both came: ${printable(id)}`);
  }
  const slug = args.text("slug");
  const [role, agent, cwd] = [args.text("role"), args.text("agent"), args.text("cwd")];
  const whenDone = choice(args, "when-done", WHEN_DONE);
  const idleStop = args.text("idle-stop");
  const recipe = recipeOf(args);
  const timeouts = timeoutsOf(args.list("timeout"));
  const peers = args.list("peer");
  const directory = cwd === undefined ? undefined : directoryAt(resolve(io.cwd, cwd));
  const prompt = await readPrompt(args, io);
  const shared = {
    ...(role !== undefined && { role }),
    ...(agent !== undefined && { agent }),
    ...(recipe && { recipe }),
    ...(peers.length > 0 && { peers }),
    ...(directory !== undefined && { cwd: directory }),
    ...(whenDone && { whenDone }),
    ...(idleStop !== undefined && { idleStopMs: durationOf("--idle-stop", idleStop) }),
    timeouts,
  };
  const named = slug !== undefined && { slug };
  if (!noTicket) {
    if (id === undefined)
      throw new UsageError(
        '"launch" needs <ticket>, but nothing came',
        "Without one yet: --no-ticket --prompt TEXT",
      );
    const request = { ...shared, ...(prompt !== undefined && { prompt }), anyState: args.flag("any-state") };
    return { kind: "ticket", request: { ...request, ticket: { id, ...named } } };
  }
  if (prompt === undefined) {
    throw new UsageError(
      "--no-ticket needs --prompt or --prompt-file: nothing else tells the agent what to do",
    );
  }
  return { kind: "noTicket", request: { ...shared, ...named, prompt } };
}

/** `-- COMMAND ARG…`, and the flags that say how it is run. */
export function recipeOf(args: Arguments): LaunchRequest["recipe"] {
  const driver = choice(args, "driver", DRIVERS);
  const evidence = choice(args, "evidence", EVIDENCE);
  const accept = args.text("accept");
  const profile = args.text("profile");
  if (args.rest === undefined) {
    const given = ["driver", "evidence", "accept", "profile"].find((name) => args.flag(name));
    if (given === undefined) return undefined;
    throw new UsageError(
      `--${given} says how the command after "--" is run, but none came`,
      "Of a configured agent, the configuration says it.",
    );
  }
  const command = args.rest;
  if ((command[0] ?? "") === "") {
    throw new UsageError('"--" is followed by COMMAND ARG…, but nothing came');
  }
  if (profile !== undefined && driver !== "yoi") throw new UsageError("--profile is for --driver yoi");
  if (driver === "yoi") {
    if (evidence || accept !== undefined) {
      throw new UsageError("--driver yoi takes neither --evidence nor --accept: its Pod confirms each run");
    }
    return { driver, command, ...(profile !== undefined && { profile }) };
  }
  if (driver === "command") {
    if (evidence) throw new UsageError("--evidence is for --driver acp; a plain command has --accept");
    if (accept === undefined) {
      throw new UsageError(`--driver command needs --accept ${ACCEPT_FORM}: there is no default`);
    }
    try {
      parseAccept(accept);
    } catch (error) {
      throw new UsageError(`--accept: ${messageOf(error)}, but came ${printable(accept)}`);
    }
    return { driver, command, accept };
  }
  if (accept !== undefined)
    throw new UsageError("--accept is for --driver command; an ACP agent has --evidence");
  return { driver: "acp", command, ...(evidence && { evidence }) };
}

export function timeoutsOf(given: readonly string[]): Partial<LaunchTimeouts> {
  return Object.fromEntries(
    given.map((text) => {
      const [phase = "", duration] = text.split("=", 2);
      const name = Object.hasOwn(PHASES, phase) ? PHASES[phase] : undefined;
      if (name === undefined || duration === undefined) {
        throw new UsageError(
          `--timeout: expected PHASE=DURATION with one of ${Object.keys(PHASES).join(" ")}, but came ${printable(text)}`,
        );
      }
      const delayMs = durationOf(`--timeout ${phase}`, duration);
      if (delayMs === 0)
        throw new UsageError(`--timeout ${phase}: expected more than 0, but came ${printable(duration)}`);
      return [name, delayMs];
    }),
  );
}

function durationOf(flag: string, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs !== undefined) return durationMs;
  throw new UsageError(`${flag}: expected ${DURATION_FORM}, at most 24 days, but came ${printable(text)}`);
}

function choice<Option extends string>(
  args: Arguments,
  flag: string,
  options: readonly Option[],
): Option | undefined {
  const given = args.text(flag);
  if (given === undefined) return undefined;
  const chosen = options.find((option) => option === given);
  if (chosen !== undefined) return chosen;
  throw new UsageError(`--${flag}: expected ${options.join(", ")}, but came ${printable(given)}`);
}

/** A directory that is not there would fail the start with words about the agent. */
function directoryAt(path: string): string {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return path;
  throw new UsageError(`--cwd: expected a directory, but came ${printable(path, 200)}`);
}
