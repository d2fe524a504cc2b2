import { z } from "zod";

/** What of an ACP `session/update` is shown to people. */
export type Update =
  | { readonly kind: "message" | "thought" | "user"; readonly text: string }
  | {
      readonly kind: "tool";
      readonly id: string;
      readonly title: string | undefined;
      readonly status: string | undefined;
    }
  | {
      readonly kind: "plan";
      readonly entries: readonly { readonly content: string; readonly status: string }[];
    }
  | { readonly kind: "mode"; readonly mode: string };

const content = z
  .object({ text: z.string() })
  .transform(({ text }) => text)
  .catch("");
const optional = z.string().optional().catch(undefined);
const entry = z.object({ content: z.string(), status: z.string().catch("") });

const schema = z.discriminatedUnion("sessionUpdate", [
  z.object({ sessionUpdate: z.literal("agent_message_chunk"), content }),
  z.object({ sessionUpdate: z.literal("agent_thought_chunk"), content }),
  z.object({ sessionUpdate: z.literal("user_message_chunk"), content }),
  z.object({
    sessionUpdate: z.literal("tool_call"),
    toolCallId: z.string(),
    title: optional,
    status: optional,
  }),
  z.object({
    sessionUpdate: z.literal("tool_call_update"),
    toolCallId: z.string(),
    title: optional,
    status: optional,
  }),
  z.object({ sessionUpdate: z.literal("plan"), entries: z.array(entry) }),
  z.object({ sessionUpdate: z.literal("current_mode_update"), currentModeId: z.string() }),
]);

/** Undefined for one that says nothing to people, or that nobody here understands: agents send what they like. */
export function parseUpdate(raw: unknown): Update | undefined {
  const { data } = schema.safeParse(raw);
  switch (data?.sessionUpdate) {
    case undefined:
      return undefined;
    case "agent_message_chunk":
      return { kind: "message", text: data.content };
    case "agent_thought_chunk":
      return { kind: "thought", text: data.content };
    case "user_message_chunk":
      return { kind: "user", text: data.content };
    case "tool_call":
    case "tool_call_update":
      return { kind: "tool", id: data.toolCallId, title: data.title, status: data.status };
    case "plan":
      return { kind: "plan", entries: data.entries };
    case "current_mode_update":
      return { kind: "mode", mode: data.currentModeId };
  }
}
