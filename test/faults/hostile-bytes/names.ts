import { basename, dirname, join, relative } from "node:path";
import fc from "fast-check";
import { Layout } from "../../../src/registry/layout.js";
import { temporaryPath } from "../../../src/registry/durable.js";
import { checkTicket, fileName, idOf, podName } from "../../../src/registry/names.js";
import { demand, forAll, ours, type Amount, type Part } from "./property.js";
import { LaunchClaimError } from "../../../src/errors.js";

const LAUNCH_ID = "0199c0de-0000-7000-8000-00000000000a";
/** What the file systems of this world allow for one name. */
const MAX_NAME_BYTES = 255;

const anyCharacter = fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point));
/** Few characters, so that ids come close to each other, and any characters, so that none is left out. */
const anyText = fc.oneof(
  fc.array(anyCharacter, { maxLength: 60 }).map((characters) => characters.join("")),
  fc.string({ unit: fc.constantFrom(...Array.from("aA%~2F5E/.-_ é👩\0\n\ud800\u202e")), maxLength: 8 }),
  fc
    .tuple(
      fc.constantFrom("a", "A", "é", "/", "%", "👩", "~"),
      fc.integer({ min: 30, max: 520 }),
      fc.string({ maxLength: 2 }),
    )
    .map(([char, times, end]) => char.repeat(times) + end),
  fc.constantFrom("..", ".", "", "/", "__proto__", "constructor", "CON", "a".repeat(200), "a".repeat(201)),
);

const anyTicket = fc.record({ id: anyText, slug: anyText }, { requiredKeys: ["id"] });

/**
 * Ticket ids and slugs become names: what is let in has a name of its own that gives the id back or is a hash, stays in its directory
 * and fits there, temporaries too.
 */
export async function sweepNames(amount: Amount): Promise<readonly Part[]> {
  const layout = new Layout("/registry");
  const idOfName = new Map<string, string>();
  const lowered = new Map<string, string>();
  const checkName = (id: string) => {
    const name = fileName(id);
    const known = idOfName.get(name);
    demand(known === undefined || known === id, `${JSON.stringify([known, id])} share the name ${name}`);
    idOfName.set(name, id);
    // Where case does not count, only ids that differ in nothing else may meet.
    const near = lowered.get(name.toLowerCase());
    demand(
      near === undefined || near.toLowerCase() === id.toLowerCase(),
      `${JSON.stringify([near, id])} meet where case does not count`,
    );
    lowered.set(name.toLowerCase(), id);
    demand(
      name.includes("~") ? idOf(name) === undefined : idOf(name) === id,
      `${name} does not give ${JSON.stringify(id)} back`,
    );
  };
  const checkPath = (path: string, directory: string) => {
    demand(dirname(path) === directory && basename(path) !== "", `${path} is not in ${directory}`);
    demand(relative(directory, path) === basename(path), `${path} leads out of ${directory}`);
    demand(/^[\w%~.-]+$/u.test(basename(path)) && !basename(path).startsWith("."), `${path} is not plain`);
    demand(Buffer.byteLength(basename(path)) <= MAX_NAME_BYTES, `the name of ${path} is too long`);
    demand(
      Buffer.byteLength(basename(temporaryPath(path, LAUNCH_ID))) <= MAX_NAME_BYTES,
      `the temporary of ${path} is too long`,
    );
  };
  const ids = await forAll("ticket ids and slugs", amount, anyTicket, async (given) => {
    const ticket = await ours(() => checkTicket(given));
    if (LaunchClaimError.is(ticket)) {
      demand(ticket.code === "ticket_id_invalid", `refused by ${ticket.code}`);
      return;
    }
    checkName(ticket.id);
    const pod = podName("coder", ticket, LAUNCH_ID);
    demand(/^[\w-]{1,90}$/u.test(pod) && fileName(pod) === pod, `the Pod's name ${pod} is not plain`);
    checkPath(layout.claim(ticket), layout.claims);
    checkPath(layout.session(pod), layout.sessions);
    checkPath(layout.historyOf(ticket), layout.history);
    checkPath(layout.historyEntry(ticket, LAUNCH_ID), layout.historyOf(ticket));
    checkPath(layout.podsOf(ticket), layout.pods);
    checkPath(layout.pod(ticket, pod), layout.podsOf(ticket));
    for (const lock of [layout.launchLock(ticket), layout.agentLock(ticket), layout.podLock(ticket)])
      checkPath(lock, layout.locks);
    demand(
      new Set([layout.launchLock(ticket), layout.agentLock(ticket), layout.podLock(ticket)]).size === 3,
      "two locks share a name",
    );
  });
  // Names of Pods that a host chose come from records: nothing there was checked, and nothing may lead out.
  const podsOfRecords = await forAll("Pod names of foreign records", amount, anyText, (pod) => {
    if (pod === "") return;
    checkPath(layout.session(pod), layout.sessions);
    checkPath(layout.pod({ id: "T-1" }, pod), join(layout.pods, "T-1"));
  });
  return [ids, podsOfRecords];
}
