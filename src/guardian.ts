/**
 * The guardian's program: one Pod's detached process. Descriptor 3 is the Pod lock, which the kernel holds for as long as this process
 * lives and Node passes to no child; descriptor 4 is the control channel; 2 goes into the Pod's log.
 *
 * It is the one file outside of the command line that owns its process: signals and the exit are its own.
 */
import { ControlChannel } from "./pod/control-channel.js";
import { closeStrayDescriptors } from "./pod/descriptors.js";

closeStrayDescriptors();
const asked = new AbortController();
process.on("SIGTERM", () => asked.abort());
process.on("SIGINT", () => asked.abort());
// A terminal that goes away is none of its business.
process.on("SIGHUP", () => undefined);

const control = new ControlChannel();
void lead();

async function lead(): Promise<void> {
  // Loaded while the first line is on its way.
  const [specification, { guard }, { FileRegistry }, { PodLog }] = await Promise.all([
    control.specification(),
    import("./pod/guardian.js"),
    import("./registry/file-registry.js"),
    import("./pod/pod-log.js"),
  ]);
  // Nothing was started yet, and nobody waits for anything.
  if (specification === undefined) process.exit(0);

  const { workspace, record, limits } = specification;
  const registry = new FileRegistry({ workspace });
  const now = () => new Date();
  const log = new PodLog(registry.podDirectory(record.ticket, record.pod), {
    maxBytes: limits.maxLogBytes,
    now,
  });
  await guard({
    specification,
    control,
    registry,
    log,
    now: () => now().toISOString(),
    asked: asked.signal,
  });
  // Not left to the event loop: a timer that nobody cleared would keep the Pod lock.
  process.exit(0);
}
