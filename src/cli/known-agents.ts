import type { Config } from "../config.js";
import { findProgram } from "../pod/find-program.js";
import { KNOWN_AGENTS } from "../presets/presets.js";
import type { AgentRecipe } from "../../machines/launch.types.js";
import { versionOf } from "./program-version.js";

/** An agent that a launch can name. Field names are those of `agents --json`, a stable contract. */
export interface KnownAgent {
  readonly name: string;
  readonly from: "preset" | "configuration";
  readonly driver: AgentRecipe["driver"];
  readonly command: readonly string[];
  readonly found: boolean;
  /** The program that would be run, or that is in its place and cannot be. */
  readonly file?: string;
  readonly version?: string;
  /** Its configuration is not allowed to name commands: nothing of it is run. */
  readonly needsTrust: boolean;
  /** Whether its sessions can be loaded again. `offered`: as it says itself, when it is launched. */
  readonly restores: "yes" | "no" | "untried" | "offered";
  readonly restoresBecause?: string;
  /** How a preset's program is installed. */
  readonly install?: string;
}

export interface Surroundings {
  readonly config: Config;
  readonly isTrusted: boolean;
  /** The workspace's root: a relative program is looked for from there. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Configured agents and presets, by name; a configured one takes the place of a preset. Programs are asked for their versions at once. */
export async function findKnownAgents(surroundings: Surroundings): Promise<KnownAgent[]> {
  const { agents } = surroundings.config;
  const configured = Object.entries(agents).map(([name, recipe]) => ({ name, recipe, preset: undefined }));
  const presets = Object.entries(KNOWN_AGENTS)
    .filter(([name]) => !Object.hasOwn(agents, name))
    .map(([name, preset]) => ({ name, recipe: preset.recipe, preset }));
  return await Promise.all([...configured, ...presets].map((candidate) => examine(candidate, surroundings)));
}

interface Candidate {
  readonly name: string;
  readonly recipe: AgentRecipe;
  readonly preset: (typeof KNOWN_AGENTS)[string] | undefined;
}

async function examine(
  { name, recipe, preset }: Candidate,
  { isTrusted, root, env }: Surroundings,
): Promise<KnownAgent> {
  const needsTrust = preset === undefined && !isTrusted;
  const its = { ...env, ...recipe.environment };
  const program = findProgram(recipe.command[0] ?? "", { path: its["PATH"], cwd: root });
  const version =
    program.kind === "found" ? await versionOf(program.file, { mayRun: !needsTrust, env: its }) : undefined;
  return {
    name,
    from: preset ? "preset" : "configuration",
    driver: recipe.driver,
    command: recipe.command,
    found: program.kind === "found",
    ...(program.kind !== "missing" && { file: program.file }),
    ...(version !== undefined && { version }),
    needsTrust,
    ...(preset
      ? {
          restores: preset.restores,
          restoresBecause: preset.restoresBecause,
          install: `npm install --global ${preset.package}`,
        }
      : { restores: isRestorable(recipe) ? "offered" : "no" }),
  };
}

function isRestorable(recipe: AgentRecipe): boolean {
  return recipe.driver === "acp" && recipe.restorable !== false;
}
