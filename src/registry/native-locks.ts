import { createRequire } from "node:module";
import { errnoOf, LaunchClaimError, messageOf } from "../errors.js";

/** What is used of `fs-native-extensions`, which ships no types. */
interface NativeLocks {
  /** OFD lock on Linux, `flock` on macOS; false if another open file description holds a conflicting one. */
  tryLock(fd: number, options?: { shared?: boolean }): boolean;
}

let loaded: NativeLocks | undefined;

/**
 * Loads the native module, once. There is no weaker lock to fall back to: anything that is not the kernel's can outlive its
 * holder.
 *
 * @throws LaunchClaimError `platform_unsupported` | `native_module_missing`
 */
export function nativeLocks(): NativeLocks {
  if (loaded) return loaded;
  if (process.platform !== "linux" && process.platform !== "darwin") {
    throw new LaunchClaimError("platform_unsupported", `launch-claim does not run on ${process.platform}`, {
      hint: "Use Linux, or macOS (untested); on Windows use WSL.",
    });
  }
  try {
    const require = createRequire(import.meta.url);
    loaded = binaryOf(require) ?? (require("fs-native-extensions") as NativeLocks);
    return loaded;
  } catch (cause) {
    throw new LaunchClaimError(
      "native_module_missing",
      `fs-native-extensions could not be loaded for ${process.platform}-${process.arch}: ${messageOf(cause)}`,
      {
        hint: "It has prebuilt binaries for glibc Linux and macOS on x64 and arm64; musl (Alpine) is not supported. A bundler must leave it external.",
        cause,
      },
    );
  }
}

/** What its own JavaScript calls. */
interface Binding {
  /** Throws EAGAIN if another holds a conflicting lock. */
  tryLock(fd: number, offset: number, length: number, exclusive: boolean): void;
}

/** The version of which it is known how its own JavaScript calls the binary, and that it does nothing else. */
const KNOWN_VERSION = "1.5.1";

/**
 * The binary by itself. The package looks for it through a dozen modules, which took 10 ms of every command's 90; any other version,
 * and any place that is not the usual one, is left to the package.
 */
function binaryOf(require: NodeJS.Require): NativeLocks | undefined {
  let binding: Binding;
  try {
    const { version } = require("fs-native-extensions/package.json") as { version?: unknown };
    if (version !== KNOWN_VERSION) return undefined;
    const place = `prebuilds/${process.platform}-${process.arch}/fs-native-extensions.node`;
    binding = require(`fs-native-extensions/${place}`) as Binding;
  } catch {
    // Then the package finds it, or says in its own words why it cannot.
    return undefined;
  }
  return {
    tryLock: (fd, { shared = false } = {}) => {
      try {
        binding.tryLock(fd, 0, 0, !shared);
        return true;
      } catch (error) {
        if (errnoOf(error) === "EAGAIN") return false;
        throw error;
      }
    },
  };
}
