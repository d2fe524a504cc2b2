/** Pinned agents (and a store of the benchmark), installed once into a cache outside of the repository. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import envPaths from "env-paths";
import type { RealAgent } from "./agents.js";

/** `LAUNCH_CLAIM_AGENT_CACHE`, else where the platform keeps what can be fetched again. */
export function cacheDirectory(): string {
  return process.env["LAUNCH_CLAIM_AGENT_CACHE"] || envPaths("launch-claim-agents", { suffix: "" }).cache;
}

/** A package at one version, and what its place in the cache is called. */
export type Pinned = Pick<RealAgent, "package" | "version"> & { readonly name: string };

export interface Installed<Agent extends Pinned = RealAgent> {
  readonly agent: Agent;
  /** Where its programs are. */
  readonly programs: string;
}

/** Undefined if this very version is not in the cache. */
export function installed<Agent extends Pinned>(agent: Agent): Installed<Agent> | undefined {
  const place = placeOf(agent);
  try {
    const manifest = join(place, "node_modules", agent.package, "package.json");
    const { version } = JSON.parse(fs.readFileSync(manifest, "utf8")) as { version?: string };
    return version === agent.version ? { agent, programs: join(place, "node_modules", ".bin") } : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error with the installer's last words */
export async function install<Agent extends Pinned>(agent: Agent): Promise<Installed<Agent>> {
  const place = placeOf(agent);
  fs.rmSync(place, { recursive: true, force: true });
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(join(place, "package.json"), JSON.stringify({ private: true }));
  const words = ["install", "--no-audit", "--no-fund", "--no-save", "--engine-strict=false"];
  const npm = spawn("npm", [...words, `${agent.package}@${agent.version}`], {
    cwd: place,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [npm.stdout, npm.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(npm, "close")) as [number | null];
  const found = installed(agent);
  if (code === 0 && found) return found;
  throw new Error(`${agent.package}@${agent.version} could not be installed:\n${said.slice(-2_000)}`);
}

function placeOf({ name, version }: Pinned): string {
  return join(cacheDirectory(), `${name}-${version}`);
}
