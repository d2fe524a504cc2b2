/**
 * `node dist/test/real-agents/serve-model.js [MODE]`: the model of the real-agent tests, for trying an agent by hand. Prints its
 * address, and for each agent the environment that leads there; ends with its terminal.
 */
import { AGENTS } from "./agents.js";
import { startModelServer } from "./model-server.js";
import { MODEL_MODES } from "./modes.js";

const wanted = process.argv[2] ?? "ok";
const mode = MODEL_MODES.find((one) => one === wanted);
if (mode === undefined) {
  console.error(`unknown mode ${wanted}; there are ${MODEL_MODES.join(", ")}`);
  process.exit(2);
}
const { url } = await startModelServer(mode);
console.log(`${mode}: ${url}`);
for (const agent of AGENTS) {
  const { environment, files } = agent.surroundings(url);
  console.log(`\n# ${agent.name}`);
  for (const [name, value] of Object.entries(environment)) console.log(`export ${name}='${value}'`);
  for (const [path, text] of Object.entries(files)) console.log(`# in ~/${path}:\n${text}`);
}
