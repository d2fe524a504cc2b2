import type { Command } from "../command.js";

export const attach: Command = {
  name: "attach",
  positionals: [{ name: "ticket|pod" }],
  flags: {},
  about: `Shows what the ticket's Pod does: its latest run so far, and then everything as it comes. Each line
that is typed is a message to its agent; while a run is under way it waits here for the end of that.
A permission that the agent asks for is answered by one key; the first answer counts, whoever gives
it. Ctrl-C and Ctrl-D detach: the Pod goes on, and what is not answered stays open. Any number of
terminals may be attached.

Without a terminal, each line of standard input is a message, and nothing is answered. With --json each
event of the Pod protocol is a line, as the Pod told it, after {"event":"history"} with what came before.`,
  run: async (call) => await (await import("../attach/run-attach.js")).runAttach(call),
};
