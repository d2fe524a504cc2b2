import { z } from "zod";

const option = z.object({ optionId: z.string(), name: z.string().catch(""), kind: z.string().catch("") });
export type PermissionOption = z.output<typeof option>;

const request = z.object({
  toolCall: z.object({ title: z.string().optional().catch(undefined) }).catch({}),
  options: z.array(z.unknown()).catch([]),
});

/** What may be chosen, in the agent's order; what cannot be understood is no choice. */
export function optionsOf(asked: unknown): readonly PermissionOption[] {
  const parsed = request.safeParse(asked);
  return (parsed.data?.options ?? []).flatMap((raw) => option.safeParse(raw).data ?? []);
}

/** What is asked for, in the agent's words: not yet legible, and of any length. */
export function titleOf(asked: unknown): string {
  return request.safeParse(asked).data?.toolCall.title ?? "a tool call without a title";
}
