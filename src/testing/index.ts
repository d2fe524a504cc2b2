export {
  shortestPaths,
  simplePaths,
  type ActorName,
  type LaunchPath,
  type PathStep,
} from "../launch/paths.js";
export {
  shortestRestorePaths,
  simpleRestorePaths,
  type RestoreActorName,
  type RestorePath,
  type RestorePathStep,
} from "../restore/paths.js";
export { transitionOf, type MachinePath, type MachineStep } from "../graph/machine-paths.js";
export { Gates, type Gate } from "./gates.js";
export type { AgentScript, AgentStep } from "./scripted-agent/script.js";
export { dotted } from "../launch/steps.js";
export { createLauncherWith, type LauncherSeams } from "../launcher.js";
export type { LaunchEffects } from "../launch/effects.js";
export type { RestoreEffects } from "../restore/effects.js";
export { InProcessRuntime, type InProcessPod, type PodScript } from "./in-process-runtime.js";
export { MemoryRegistry } from "./memory-registry.js";
export type { ContractCase } from "./contract.js";
export { claimRegistryContract, type OpenRegistry } from "./registry-contract.js";
export { podRuntimeContract, type OpenRuntime, type PodBehaviour } from "./runtime-contract.js";
