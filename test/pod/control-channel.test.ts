import net from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ControlChannel } from "../../src/pod/control-channel.js";
import { temporaryDirectory } from "../fixtures/temporary.js";

/** Both ends of a control channel, the launcher's as it is. */
async function channel() {
  const path = join(temporaryDirectory(), "s");
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const taken = new Promise<net.Socket>((resolve) => server.once("connection", resolve));
  const launcher = net.connect(path);
  const socket = await taken;
  onTestFinished(() => void server.close());
  onTestFinished(() => void launcher.destroy());
  onTestFinished(() => void socket.destroy());
  return { control: new ControlChannel(socket), launcher };
}

test.each([
  ["no JSON", "{ broken\n", /JSON/u],
  ["too long a line", `"${"x".repeat(17 * 1024 * 1024)}`, /more than 16777216 bytes/u],
])(
  "a launcher's first line that is %s is an error, and not waited for for ever",
  async (_, bytes, message) => {
    const { control, launcher } = await channel();
    launcher.on("error", () => undefined).write(bytes);
    await expect(control.specification()).rejects.toThrow(message);
  },
);

test("a launcher that goes away before its first line is whole has asked for nothing", async () => {
  const { control, launcher } = await channel();
  launcher.end('{"half":');
  expect(await control.specification()).toBeUndefined();
});
