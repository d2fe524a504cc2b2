export {
  shortestPaths,
  simplePaths,
  transitionOf,
  type ActorName,
  type LaunchPath,
  type PathStep,
} from "../launch/paths.js";
export { Gates, type Gate } from "./gates.js";
export type { AgentScript, AgentStep } from "./scripted-agent/script.js";
export { dotted } from "../launch/steps.js";
export { createLauncherWith, type LauncherSeams } from "../launcher.js";
export type { LaunchEffects } from "../launch/effects.js";
export { InProcessRuntime, type InProcessPod, type PodScript } from "./in-process-runtime.js";
export { MemoryRegistry } from "./memory-registry.js";
export type { ContractCase } from "./contract.js";
export { claimRegistryContract, type OpenRegistry } from "./registry-contract.js";
export { podRuntimeContract, type OpenRuntime, type PodBehaviour } from "./runtime-contract.js";
