import type { z } from "zod";
import { legible, printable } from "../text.js";

/** As much of a JSON schema as says which fields there are. */
export interface FieldSchema {
  readonly title?: string;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly additionalProperties?: FieldSchema | boolean;
  readonly items?: FieldSchema;
  readonly oneOf?: readonly FieldSchema[];
  readonly const?: unknown;
}

const SHOWN_ISSUES = 10;

/** Everything that does not fit, a line each: where, what was expected, and what came. */
export function describeIssues({ issues }: z.ZodError, schema?: FieldSchema): readonly string[] {
  const shown = issues.slice(0, SHOWN_ISSUES).map((issue) => describe(issue, schema));
  const more = issues.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

/** The first thing that does not fit. */
export function describeIssue({ issues: [first] }: z.ZodError, schema?: FieldSchema): string {
  return first === undefined ? "it does not fit" : describe(first, schema);
}

function describe(issue: z.core.$ZodIssue, schema: FieldSchema | undefined): string {
  const where = issue.path.length === 0 ? "at the top" : `at "${issue.path.join(".")}"`;
  return legible(`${where}: ${whatOf(issue, schema)}`);
}

function whatOf(issue: z.core.$ZodIssue, schema: FieldSchema | undefined): string {
  switch (issue.code) {
    case "unrecognized_keys": {
      const names = issue.keys.slice(0, 5).map((key) => printable(key));
      const known = schema === undefined ? [] : fieldsAt(schema, issue.path, issue.input);
      const there = known.length === 0 ? "" : `; there are ${known.join(", ")}`;
      return `no field ${names.join(", ")} here${there}`;
    }
    case "invalid_union": {
      // Of a union that is told apart by one field, zod shows the whole object: what came is the field's value.
      if (issue.discriminator === undefined) break;
      const { options = [] } = issue as { options?: readonly unknown[] };
      const came = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator];
      return `expected one of ${options.map((option) => JSON.stringify(option)).join("|")}${but(came)}`;
    }
    case "invalid_type":
      if (/Ms$/u.test(String(issue.path.at(-1)))) {
        return `expected milliseconds (a whole number)${but(issue.input)}`;
      }
      break;
    default:
  }
  const message = issue.message.replace(/^Invalid (?:input|option): /u, "").replace(/, received \S+$/u, "");
  return `${message}${but(issue.input)}`;
}

/** What came, bounded; never the whole of a file. */
function but(came: unknown): string {
  if (came === undefined) return "";
  const isRecord = typeof came === "object" && came !== null && !Array.isArray(came);
  return `, but came ${isRecord ? "an object" : shown(came)}`;
}

function shown(came: unknown): string {
  try {
    // A function or a symbol has no JSON, whatever the types say.
    const json = JSON.stringify(came) as string | undefined;
    return (json ?? `a ${typeof came}`).slice(0, 80);
  } catch {
    // It nests deeper than a stack is high, or a host's own value refers to itself.
    return "a value that cannot be shown";
  }
}

function fieldsAt(schema: FieldSchema, path: readonly PropertyKey[], input: unknown): readonly string[] {
  let at: FieldSchema | undefined = schema;
  for (const part of path) {
    const { properties = {}, additionalProperties: other, items }: FieldSchema = at ?? {};
    const key = String(part);
    at = Object.hasOwn(properties, key) ? properties[key] : typeof other === "object" ? other : items;
  }
  const alternatives = at?.oneOf?.filter((one) => mayBe(one, input)) ?? [at];
  const fields = alternatives.flatMap((one) => Object.keys(one?.properties ?? {}));
  return [...new Set(fields)].filter((field) => !field.startsWith("$"));
}

/** The alternative of a union that the fields with only one value leave possible. */
function mayBe({ properties = {} }: FieldSchema, input: unknown): boolean {
  return Object.entries(properties).every(
    ([name, { const: only }]) =>
      only === undefined || (input as Record<string, unknown> | undefined)?.[name] === only,
  );
}
