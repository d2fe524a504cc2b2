/** The agents that are tried for real: which package, which version, and how each is led to a model of ours. */
import { PRESETS } from "../../src/presets/presets.js";

export type AgentName = "opencode" | "claude" | "codex" | "gemini" | "qwen";

/** What an agent needs around it. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string>>;
  /** Relative to its home. */
  readonly files: Readonly<Record<string, string>>;
}

export interface RealAgent {
  readonly name: AgentName;
  readonly package: string;
  /** Pinned: what is written about an agent is true of one version. */
  readonly version: string;
  /** Leads it to the model at this address; without one, to none, and gives it no credentials. */
  surroundings(model: string | undefined): Surroundings;
}

/** Nothing is told to anybody, and nothing is updated while it is measured. */
const QUIET_SETTINGS = JSON.stringify({
  privacy: { usageStatisticsEnabled: false },
  telemetry: { enabled: false },
  general: { enableAutoUpdate: false, disableAutoUpdate: true },
});

/** It offers models of its own that need no login: without a way out it cannot reach them, as on a plane. */
const NO_WAY_OUT = {
  HTTP_PROXY: "http://127.0.0.1:9",
  HTTPS_PROXY: "http://127.0.0.1:9",
  NO_PROXY: "127.0.0.1,localhost",
};

export const AGENTS: readonly RealAgent[] = [
  {
    name: "gemini",
    package: "@google/gemini-cli",
    version: "0.61.0",
    surroundings: (model) => ({
      environment: model
        ? { GEMINI_API_KEY: "x", GOOGLE_GEMINI_BASE_URL: model, GEMINI_MODEL: "gemini-2.5-flash" }
        : {},
      files: { ".gemini/settings.json": QUIET_SETTINGS },
    }),
  },
  {
    name: "qwen",
    package: "@qwen-code/qwen-code",
    version: "0.24.4",
    surroundings: (model) => ({
      environment: model
        ? { OPENAI_API_KEY: "x", OPENAI_BASE_URL: `${model}/v1`, OPENAI_MODEL: "fake-model" }
        : {},
      files: { ".qwen/settings.json": QUIET_SETTINGS },
    }),
  },
  {
    name: "opencode",
    package: "opencode-ai",
    version: "1.18.33",
    surroundings: (model) => ({
      environment: {
        ...NO_WAY_OUT,
        OPENCODE_CONFIG_CONTENT: JSON.stringify({
          ...(model && opencodeModel(model)),
          autoupdate: false,
          share: "disabled",
        }),
      },
      files: {},
    }),
  },
  {
    name: "claude",
    package: "@agentclientprotocol/claude-agent-acp",
    version: "0.101.0",
    surroundings: (model) => ({
      environment: {
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        ...(model && { ANTHROPIC_API_KEY: "sk-fake", ANTHROPIC_BASE_URL: model }),
      },
      files: {},
    }),
  },
  {
    name: "codex",
    package: "@agentclientprotocol/codex-acp",
    version: "2.6.0",
    surroundings: (model) => ({
      environment: model ? { FAKE_KEY: "x" } : {},
      files: model ? { ".codex/config.toml": codexConfiguration(model) } : {},
    }),
  },
];

export function agentCalled(name: string): RealAgent | undefined {
  return AGENTS.find((agent) => agent.name === name);
}

/** The preset's command: what the command line runs for this agent. */
export function presetCommand({ name }: RealAgent): readonly [program: string, ...words: string[]] {
  const [program, ...words] = PRESETS[name]?.command ?? [];
  if (program === undefined) throw new Error(`there is no preset ${name}`);
  return [program, ...words];
}

function opencodeModel(model: string): object {
  const options = { baseURL: `${model}/v1`, apiKey: "x" };
  const models = { "fake-model": { name: "Fake Model", limit: { context: 32_000, output: 4_000 } } };
  return {
    provider: { fake: { npm: "@ai-sdk/openai-compatible", name: "Fake", options, models } },
    model: "fake/fake-model",
    small_model: "fake/fake-model",
  };
}

function codexConfiguration(model: string): string {
  return `model = "fake-model"
model_provider = "fake"

[model_providers.fake]
name = "Fake"
base_url = "${model}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
request_max_retries = 0
stream_max_retries = 0
`;
}
