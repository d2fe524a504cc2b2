import { legible } from "../../text.js";
import type { Loss } from "./acp-words.js";
import { DepartureWatch } from "./departure.js";
import { NotReady, type AgentDriver, type DriverContext, type DriverReady } from "./driver.js";
import { settleClock } from "./settle-clock.js";
import { socketIn } from "./yoi-command.js";
import { readSnapshot, snapshotIn, UpstreamConnection, type UpstreamEvent } from "./yoi-connection.js";
import { YoiPeers } from "./yoi-peers.js";
import { YoiRun, type Segment } from "./yoi-run.js";
import { troubleWith, upstreamLossBy } from "./yoi-words.js";

/** What an upstream Pod is to be, and where it says that it is ready. */
export interface UpstreamPod {
  /** The name that it was started with: fresh for each launch, or that of the Pod that is restored. */
  readonly name: string;
  /** Put into the text of each run, so that no other's can be equal to it. */
  readonly launchId: string;
  /** Tells each line of its stderr from here on, also those that are logged. */
  readonly onStderr: (listener: (line: string) => void) => void;
}

/** A Pod may print noise without end; its log is bounded all the same. */
const NOISE_LINES = 200;

export function createYoiDriver(context: DriverContext, pod: UpstreamPod): AgentDriver {
  const { recipe } = context;
  if (recipe.driver !== "yoi") throw new TypeError(`the recipe is for the driver ${recipe.driver}, not yoi`);
  return new YoiDriver(context, pod);
}

/**
 * Drives a Pod that serves the upstream Pod protocol itself: waits for its ready line, connects to its socket, and is one client of
 * it among others. It has no timeouts: those of a launch are the launcher's.
 */
class YoiDriver implements AgentDriver {
  readonly #context: DriverContext;
  readonly #pod: UpstreamPod;
  readonly #departure: DepartureWatch;
  readonly #peers: YoiPeers;
  readonly #closing = new AbortController();
  readonly #hasShutDown: Promise<void>;
  #tellShutDown: () => void = () => undefined;
  #beReady: (ready: DriverReady) => void = () => undefined;
  #failBoot: (error: NotReady) => void = () => undefined;
  #socket: string | undefined;
  #connection: UpstreamConnection | undefined;
  /** Why there was no connection; undefined while there is one, or once there was. */
  #refusal: string | undefined;
  #isReady = false;
  #status = "unknown";
  #run: YoiRun | undefined;
  #runs = 0;
  #noise = 0;
  #loss: Loss | undefined;

  constructor(context: DriverContext, pod: UpstreamPod) {
    this.#context = context;
    this.#pod = pod;
    this.#hasShutDown = new Promise((resolve) => (this.#tellShutDown = resolve));
    this.#peers = new YoiPeers((method, params) => this.#connection?.send(method, params));
    this.#departure = new DepartureWatch(context.process, () => this.#run?.doubt());
    void this.#departure.departed.then((departure) => {
      this.#lose(upstreamLossBy(departure, { socket: this.#socket, refusal: this.#refusal }));
    });
    // It may end before there is a connection whose end could be waited for.
    void context.process.exited.then(() => {
      if (!this.#connection) this.#departure.outputEnded();
    });
    const { stdin, stdout } = context.process;
    // EPIPE: it reads nothing, as agreed.
    stdin.on("error", () => undefined);
    stdout.on("error", () => undefined);
    stdout.resume();
    pod.onStderr((line) => this.#readStderr(line));
  }

  boot(): Promise<DriverReady> {
    const booted = new Promise<DriverReady>((resolve, reject) => {
      this.#beReady = resolve;
      this.#failBoot = reject;
    });
    // Whoever has given up on it meanwhile must not be told by a crash.
    booted.catch(() => undefined);
    const { process } = this.#context;
    process.open();
    process.stdin.end();
    if (this.#loss) this.#failBoot(this.#notReady(this.#loss));
    return booted;
  }

  prompt(text: string): void {
    if (this.#isClosed) return;
    const { events, now } = this.#context;
    this.#runs += 1;
    const mark = `[launch ${this.#pod.launchId}, run ${this.#runs}]`;
    const segments: readonly Segment[] = [{ kind: "text", content: `${text}\n\n${mark}` }];
    const run: YoiRun = new YoiRun({
      segments,
      statusAtSend: this.#status,
      clock: settleClock,
      now,
      look: () => void this.#look(run),
      listener: {
        accepted: (acceptance) => events.evidence(acceptance),
        done: (stopReason) => {
          this.#run = undefined;
          events.ended({ kind: "done", stopReason: legible(stopReason, 200) });
        },
        failed: (code, message) => {
          this.#run = undefined;
          events.ended({ kind: "failed", code, message, stderrTail: this.#tail() });
        },
      },
    });
    this.#run = run;
    if (this.#departure.hasBegun) run.doubt();
    if (this.#loss) run.fail(this.#loss.code, this.#loss.message("run"));
    else if (!this.#isReady) run.fail("agent_not_ready", "the agent was given a run before it was ready");
    else this.#connection?.send("run", { input: segments });
  }

  cancel(): void {
    if (!this.#run) return;
    this.#run.cancelled();
    this.#connection?.send("cancel");
  }

  /** It never asks. */
  answerPermission(): void {
    return;
  }

  async registerPeer(name: string, signal: AbortSignal): Promise<void> {
    if (this.#loss) throw new Error(this.#loss.message("run"));
    await this.#peers.register(name, AbortSignal.any([signal, this.#closing.signal]));
  }

  /** Whatever runs in it, upstream cancels itself. */
  async farewell({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#loss || this.#isClosed || !this.#connection || signal.aborted) return;
    this.#connection.send("shutdown");
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    await Promise.race([this.#hasShutDown, this.#departure.departed, aborted]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#closing.abort();
    this.#run?.close();
    this.#departure.close();
    this.#connection?.close();
    this.#failBoot(new NotReady("driver_closed", "the driver was closed before the agent was ready"));
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Until the ready line; what comes before and after it is for the log, which has it already. */
  #readStderr(line: string): void {
    if (this.#isClosed || this.#socket !== undefined || this.#loss) return;
    try {
      this.#socket = socketIn(line, this.#pod.name);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      this.#failBoot(new NotReady(error.code, error.message, this.#tail()));
    }
    if (this.#socket !== undefined) this.#connect(this.#socket);
  }

  #connect(socket: string): void {
    this.#connection = new UpstreamConnection(
      socket,
      {
        event: (event) => this.#read(event),
        noise: (line) => this.#logNoise(line),
        broken: (error) =>
          this.#lose({
            code: "agent_line_too_long",
            message: () => `what the agent sends is broken: ${error.message}`,
          }),
        ended: (errno) => {
          if (!this.#isReady && errno !== undefined) this.#refusal = errno;
          this.#departure.outputEnded();
        },
      },
      this.#context.maxLineBytes,
    );
  }

  #read({ event, data, message }: UpstreamEvent): void {
    if (this.#isClosed) return;
    if (event === "snapshot") {
      this.#greeted(data);
      return;
    }
    // Told first: who hears that the run was accepted has seen by what.
    this.#context.events.update(message);
    if (event === "alert") this.#context.events.log(legible(JSON.stringify(message)));
    if (event === "shutdown") this.#tellShutDown();
    this.#peers.event(event, data);
    this.#run?.event(event, data);
    const status = (data as { status?: unknown } | undefined)?.status;
    if (event === "status" && typeof status === "string") this.#status = status;
  }

  #greeted(data: unknown): void {
    if (this.#isReady) return;
    const trouble = troubleWith(snapshotIn(data), this.#pod.name);
    if (trouble) {
      this.#failBoot(this.#notReady({ code: trouble.code, message: () => trouble.message }));
      return;
    }
    this.#isReady = true;
    this.#status = "idle";
    const { name, recipe, cwd } = this.#context;
    this.#beReady({
      agent: { driver: "yoi", name, command: recipe.command, cwd },
      // Only a Pod that has taken a run can be restored; and only such a one gets a claim.
      session: { id: this.#pod.name, restorable: true },
    });
  }

  async #look(run: YoiRun): Promise<void> {
    const { maxLineBytes } = this.#context;
    const socket = this.#socket ?? "";
    const snapshot = await readSnapshot(socket, { signal: this.#closing.signal, maxLineBytes });
    run.looked(snapshot?.pod === this.#pod.name ? snapshot : undefined);
  }

  #lose(loss: Loss): void {
    if (this.#loss || this.#isClosed) return;
    this.#loss = loss;
    this.#run?.fail(loss.code, loss.message("run"));
    this.#peers.lose(loss.message("run"));
    this.#failBoot(this.#notReady(loss));
  }

  #notReady({ code, message }: Loss): NotReady {
    // Upstream restores a Pod by its name, and exits with a word on stderr if it has nothing to restore.
    const isNotRestored = this.#context.restores !== undefined && code === "agent_exited";
    return new NotReady(isNotRestored ? "session_not_loaded" : code, message("boot"), this.#tail());
  }

  #logNoise(line: string): void {
    this.#noise += 1;
    if (this.#noise <= NOISE_LINES) this.#context.events.log(`socket: ${legible(line)}`);
  }

  #tail(): readonly string[] {
    return this.#context.process.stderrTail().map((line) => legible(line));
  }
}
