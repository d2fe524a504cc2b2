import type { JsonObject, PodHandle, PodReference } from "launch-claim";
import { z } from "zod";
import type { ProcessId } from "./processes.js";

const locatorSchema = z.object({
  directory: z.string(),
  socket: z.string(),
  pid: z.number(),
  startTime: z.string(),
});
type Locator = z.output<typeof locatorSchema>;

/** A Pod of this host: enough to find it again from another process. */
export class OwnPod implements PodHandle {
  readonly name: string;
  readonly launchId: string;
  readonly locator: JsonObject & Locator;

  constructor(name: string, launchId: string, locator: Locator) {
    this.name = name;
    this.launchId = launchId;
    this.locator = locator;
  }

  /** @throws if the locator is not one of this runtime's */
  static from({ pod, launchId, runtime }: PodReference): OwnPod {
    return new OwnPod(pod, launchId, locatorSchema.parse(runtime.locator));
  }

  get pids(): readonly number[] {
    return [this.locator.pid];
  }

  /** The Pod's own process, which leads its group. */
  get leader(): ProcessId {
    const { pid, startTime } = this.locator;
    return { pid, startTime };
  }

  get socket(): string {
    return this.locator.socket;
  }
}
