/** What a model says, in the words of the four interfaces that the agents speak. */

const WORDS = ["Hello", " from", " the", " model", " of", " this", " test."];
const TEXT = WORDS.join("");

export type ModelReply =
  | { readonly kind: "json"; readonly body: object }
  /** Server-sent events, each a whole one: the server pauses between them. */
  | { readonly kind: "events"; readonly events: readonly string[] }
  | { readonly kind: "unknown" };

export interface ModelRequest {
  /** Without the query. */
  readonly path: string;
  readonly wantsStream: boolean;
  readonly model: string;
  /** Counts up: ids must differ. */
  readonly number: number;
}

/** Undefined for what is no question to a model: lists of models, token counts. Those are answered in every mode. */
export function aside({ path }: ModelRequest): object | undefined {
  if (/\/models(\/[^/:]+)?$/u.test(path)) {
    return { object: "list", data: [{ id: "fake-model", object: "model" }], models: [] };
  }
  if (path.endsWith("/count_tokens")) return { input_tokens: 10 };
  if (path.endsWith(":countTokens")) return { totalTokens: 10 };
  return undefined;
}

export function replyTo(request: ModelRequest): ModelReply {
  const { path } = request;
  if (path.endsWith("/chat/completions")) return chatCompletion(request);
  if (path.endsWith("/responses")) return response(request);
  if (path.endsWith("/messages")) return message(request);
  if (path.endsWith(":streamGenerateContent")) return geminiStream();
  if (path.endsWith(":generateContent")) return geminiContent();
  return { kind: "unknown" };
}

function chatCompletion({ wantsStream, model, number }: ModelRequest): ModelReply {
  const head = { id: `chatcmpl-${number}`, created: 1, model };
  const usage = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
  if (!wantsStream) {
    const choices = [{ index: 0, message: { role: "assistant", content: TEXT }, finish_reason: "stop" }];
    return { kind: "json", body: { ...head, object: "chat.completion", choices, usage } };
  }
  const chunk = (delta: object, finish_reason: string | null, more: object = {}) =>
    data({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason }],
      ...more,
    });
  const words = WORDS.map((content, index) =>
    chunk({ ...(index === 0 && { role: "assistant" }), content }, null),
  );
  return { kind: "events", events: [...words, chunk({}, "stop", { usage }), "data: [DONE]\n\n"] };
}

function response({ wantsStream, model, number }: ModelRequest): ModelReply {
  const item_id = `msg_${number}`;
  const content = [{ type: "output_text", text: TEXT, annotations: [] }];
  const item = { type: "message", id: item_id, role: "assistant", status: "completed", content };
  const head = { id: `resp_${number}`, object: "response", created_at: 1, model };
  const usage = {
    input_tokens: 5,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 12,
  };
  const whole = { ...head, status: "completed", output: [item], usage };
  if (!wantsStream) return { kind: "json", body: whole };
  const at = { output_index: 0, content_index: 0, item_id };
  const events = [
    { type: "response.created", response: { ...head, status: "in_progress", output: [] } },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...at, part: { type: "output_text", text: "", annotations: [] } },
    ...WORDS.map((delta) => ({ type: "response.output_text.delta", ...at, delta })),
    { type: "response.output_text.done", ...at, text: TEXT },
    { type: "response.content_part.done", ...at, part: content[0] },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: whole },
  ].map((event, index) => ({ ...event, sequence_number: index }));
  return { kind: "events", events: events.map(named) };
}

function message({ wantsStream, model, number }: ModelRequest): ModelReply {
  const head = { id: `msg_${number}`, type: "message", role: "assistant", model, stop_sequence: null };
  const usage = { input_tokens: 5, output_tokens: 7 };
  if (!wantsStream) {
    const content = [{ type: "text", text: TEXT }];
    return { kind: "json", body: { ...head, content, stop_reason: "end_turn", usage } };
  }
  const events = [
    { type: "message_start", message: { ...head, content: [], stop_reason: null, usage } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    ...WORDS.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage },
    { type: "message_stop" },
  ];
  return { kind: "events", events: events.map(named) };
}

function geminiStream(): ModelReply {
  return {
    kind: "events",
    events: WORDS.map((text, index) => data(geminiAnswer(text, index === WORDS.length - 1))),
  };
}

/** Asked beside the conversation: who speaks next, how hard the question is. Whatever the question, these fields answer it. */
function geminiContent(): ModelReply {
  const answer = {
    reasoning: "done",
    next_speaker: "user",
    complexity_reasoning: "short",
    complexity_score: 1,
  };
  return { kind: "json", body: geminiAnswer(JSON.stringify(answer), true) };
}

function geminiAnswer(text: string, isLast: boolean): object {
  return {
    candidates: [
      { index: 0, content: { role: "model", parts: [{ text }] }, ...(isLast && { finishReason: "STOP" }) },
    ],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 7, totalTokenCount: 12 },
    modelVersion: "gemini-2.5-flash",
  };
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function named(value: { readonly type: string }): string {
  return `event: ${value.type}\n${data(value)}`;
}
