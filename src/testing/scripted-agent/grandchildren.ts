import { spawn } from "node:child_process";
import fs from "node:fs";
import type { GrandchildKind } from "./script.js";

const LIFE_S = 600;

/** $1: the file for its pid. The shell becomes the sleeper, so that the pid stays. */
const SLEEP = `if [ -n "$1" ]; then echo $$ >> "$1"; fi; exec sleep ${LIFE_S}`;

/** A shell in between, which is gone at once. */
const DAEMON = `sh -c '${SLEEP}' sh "$1" &`;

/** It costs half a processor: not for as long as the others. */
const REFORK_S = 60;
const REFORK =
  "my $end = time + $ARGV[0]; while (time < $end) { my $child = fork; exit 0 if $child; select undef, undef, undef, 0.002 }";

/** Starts it, and lets it go. */
export function startGrandchild(kind: GrandchildKind, pidFile = ""): void {
  const alone = { detached: true, stdio: "ignore" } as const;
  switch (kind) {
    case "plain":
      spawn("sh", ["-c", SLEEP, "sh", pidFile], { stdio: "inherit" }).unref();
      return;
    case "newSession":
      spawn("sh", ["-c", SLEEP, "sh", pidFile], alone).unref();
      return;
    case "doubleFork":
      spawn("sh", ["-c", DAEMON, "sh", pidFile], alone).unref();
      return;
    case "daemonEnvI":
      spawn("/bin/sh", ["-c", DAEMON, "sh", pidFile], { ...alone, env: {} }).unref();
      return;
    case "refork": {
      const { pid } = spawn("perl", ["-e", REFORK, String(REFORK_S)], alone).on("error", () => undefined);
      if (pidFile !== "") fs.appendFileSync(pidFile, `${pid ?? ""}\n`);
    }
  }
}
