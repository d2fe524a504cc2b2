/**
 * Runs an agent and writes down what goes to and fro, with times: `record-agent.js FILE PROGRAM ARG…`. Each line of FILE is
 * `{ms, from, line}`; `ms` counts from the start of the agent.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { LineSplitter } from "../../src/protocol/lines.js";

const [file = "", program = "", ...words] = process.argv.slice(2);
const start = performance.now();
const out = fs.openSync(file, "a");
const write = (from: "agent" | "client", line: string) =>
  fs.writeSync(out, `${JSON.stringify({ ms: Math.round(performance.now() - start), from, line })}\n`);

const agent = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
const fromClient = new LineSplitter();
const fromAgent = new LineSplitter();
process.stdin.on("data", (chunk: Buffer) => {
  for (const line of fromClient.push(chunk)) write("client", line);
  agent.stdin.write(chunk);
});
process.stdin.on("end", () => agent.stdin.end());
agent.stdout.on("data", (chunk: Buffer) => {
  for (const line of fromAgent.push(chunk)) write("agent", line);
  process.stdout.write(chunk);
});
agent.stdin.on("error", () => undefined);
process.stdout.on("error", () => undefined);
agent.on("close", (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
