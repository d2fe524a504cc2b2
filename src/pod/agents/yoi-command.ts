import { join } from "node:path";
import { legible, printable } from "../../text.js";
import { MAX_SOCKET_PATH_BYTES } from "../sockets.js";
import { NotReady } from "./driver.js";

const READY = "YOI-READY\t";

/**
 * What is added to the recipe's command. A Pod that is restored gets no profile: its stored metadata wins upstream, and so nothing
 * may look as if it did not.
 */
export function podArguments({
  workspace,
  pod,
  profile,
}: {
  readonly workspace: string;
  readonly pod: string;
  readonly profile: string | undefined;
}): string[] {
  const given = profile === undefined ? [] : ["--profile", profile];
  return ["pod", "--workspace", workspace, "--pod", pod, ...given];
}

/**
 * Upstream binds its socket only after it has written the Pod's metadata, so that a path that is too long would leave a name behind
 * that no retry can use: it is judged before anything is started.
 *
 * @throws NotReady `socket_path_too_long`
 */
export function requireShortSocket(
  pod: string,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const path = join(runtimeDirectory(environment), pod, "sock");
  if (fits(path)) return;
  throw tooLong(path);
}

/** As upstream chooses it. */
function runtimeDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const own = environment["YOI_RUNTIME_DIR"];
  if (own) return own;
  const home = environment["YOI_HOME"];
  if (home) return join(home, "run");
  const session = environment["XDG_RUNTIME_DIR"];
  if (session) return join(session, "yoi");
  return join(environment["HOME"] ?? "", ".yoi", "run");
}

/**
 * The socket that this line of stderr names; undefined if it is no ready line.
 *
 * @throws NotReady `pod_mismatch` | `agent_protocol_mismatch` | `socket_path_too_long`
 */
export function socketIn(line: string, pod: string): string | undefined {
  if (!line.startsWith(READY)) return undefined;
  // The path is the last field: a name may hold spaces, and neither holds a tab.
  const [name, socket, ...more] = line.slice(READY.length).replace(/\r$/u, "").split("\t");
  if (name === undefined || !socket?.startsWith("/") || more.length > 0) {
    throw new NotReady("agent_protocol_mismatch", `the ready line cannot be read: ${printable(line, 200)}`);
  }
  if (name !== pod) {
    throw new NotReady("pod_mismatch", `Pod ${printable(name)} says that it is ready, not ${printable(pod)}`);
  }
  // Node would cut it without a word, and connect to whatever lies there.
  if (!fits(socket)) throw tooLong(socket);
  return socket;
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;
}

function tooLong(path: string): NotReady {
  return new NotReady(
    "socket_path_too_long",
    `the Pod's socket would have a path of ${Buffer.byteLength(path)} bytes, and ${MAX_SOCKET_PATH_BYTES} are the limit: ${legible(path)}`,
  );
}
