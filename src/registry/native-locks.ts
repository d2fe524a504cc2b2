import { createRequire } from "node:module";
import { LaunchClaimError, messageOf } from "../errors.js";

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
    loaded = createRequire(import.meta.url)("fs-native-extensions") as NativeLocks;
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
