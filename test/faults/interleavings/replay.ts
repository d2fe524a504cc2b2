/**
 * Leads a run to where a violation was found, and prints every step:
 * `node dist/test/faults/interleavings/replay.js SCENARIO near|all '[[STEP,OPTION],…]' [RULE]`; RULE is left out of the build.
 */
import type { Interference } from "./explore.js";
import { RULES } from "./rules.js";
import { Stage } from "./stage.js";

const [scenario = "race", reach = "near", interference = "[]", without] = process.argv.slice(2);
const rule = RULES.find(({ name }) => name === without);
using stage = new Stage(rule?.patches);
const task = {
  scenario,
  kind: "follow",
  interference: JSON.parse(interference) as Interference,
  reach: reach === "all" ? "all" : "near",
} as const;
const [result] = await stage.run({ tasks: [task], enoughFound: 2, withinSeconds: 60 });
for (const { trace, message } of result?.found ?? []) {
  console.log(trace.join("\n"));
  console.log(message);
}
