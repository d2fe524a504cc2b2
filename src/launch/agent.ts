import { basename } from "node:path";
import type { Config, ConfigSource } from "../config.js";
import { CONFIG_FILE } from "../config/defaults.js";
import { LaunchClaimError } from "../errors.js";
import type { AgentRecipe } from "../../machines/launch.types.js";
import { PRESETS } from "../presets/presets.js";
import { legible, printable, quoted } from "../text.js";

/** The agent of a launch: its name, and how it is run. Either may be absent where the host's own runtime knows. */
export interface ChosenAgent {
  readonly agent?: string;
  readonly recipe?: AgentRecipe;
}

export interface AgentRequest {
  /** What the request says, or else the role's configuration. */
  readonly agent: string | undefined;
  /** The request's own. */
  readonly recipe: AgentRecipe | undefined;
}

/** Where recipes come from, and whether they may be used. */
export interface AgentRules {
  readonly config: Config;
  /** Whether this user has allowed the configuration to name commands. */
  readonly isTrusted: (source: ConfigSource) => boolean;
  /** Whether they have allowed what stood in it before. */
  readonly wasTrusted: (source: ConfigSource) => boolean;
  /** True for the built-in runtime: without a recipe it has nothing to run. */
  readonly needsRecipe: boolean;
}

/**
 * The request's recipe, else the configured agent, else the preset of that name.
 *
 * @throws LaunchClaimError `agent_missing` | `agent_unknown` | `config_untrusted`
 */
export function chooseAgent({ agent, recipe }: AgentRequest, rules: AgentRules): ChosenAgent {
  const { config, needsRecipe } = rules;
  if (recipe) return { agent: agent ?? basename(recipe.command[0] ?? ""), recipe };
  const name = agent ?? (needsRecipe ? theOnlyAgent(config) : undefined);
  if (name === undefined) return {};
  const configured = ownOf(config.agents, name);
  if (configured) {
    requireTrust(name, configured, rules);
    return { agent: name, recipe: configured };
  }
  const preset = presetOf(name);
  if (preset) return { agent: name, recipe: preset };
  if (!needsRecipe) return { agent: name };
  throw new LaunchClaimError("agent_unknown", `there is no agent ${printable(name)}`, {
    hint: `Use one of ${knownAgents(config)}, or add it to "agents" in ${CONFIG_FILE}.`,
  });
}

export function presetOf(name: string): AgentRecipe | undefined {
  return ownOf(PRESETS, name);
}

function theOnlyAgent(config: Config): string {
  const [only, ...others] = Object.keys(config.agents);
  if (only !== undefined && others.length === 0) return only;
  throw new LaunchClaimError("agent_missing", "neither the request nor its role names an agent", {
    hint: `Name one of ${knownAgents(config)}, or add it to the role in ${CONFIG_FILE}.`,
  });
}

function requireTrust(
  name: string,
  recipe: AgentRecipe,
  { config, isTrusted, wasTrusted }: AgentRules,
): void {
  const { source } = config;
  if (source === undefined || isTrusted(source)) return;
  const why = wasTrusted(source)
    ? "and has changed since you trusted it"
    : "which you have not allowed it to";
  throw new LaunchClaimError(
    "config_untrusted",
    `${legible(source.file)} has agent ${printable(name)} run ${describeCommand(recipe)}, ${why}`,
    { hint: `Read the file; to allow what it says: "trust" this workspace. Nothing was started.` },
  );
}

/** The command as it would be typed, its environment included; everything invisible made visible. */
export function describeCommand({ command, environment = {} }: AgentRecipe): string {
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${quoted(value)}`);
  return legible([...assignments, ...command.map(quoted)].join(" "), 2_000);
}

function knownAgents(config: Config): string {
  return legible([...new Set([...Object.keys(config.agents), ...Object.keys(PRESETS)])].join(", "));
}

/** `constructor` is no agent. */
function ownOf<Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
