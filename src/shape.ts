import type { JsonObject } from "../machines/launch.types.js";

/**
 * How records must look, checked by hand: zod takes longer to load than all that a command does that merely looks. For what a
 * person writes by hand and must be told about in detail, the configuration, zod it is.
 *
 * Objects may have fields that are not named: what a newer minor writer added survives being read and written again.
 */

/** The first thing in a value that does not fit. */
export interface Misfit {
  /** Where it is, from the outside in. */
  readonly path: readonly string[];
  /** `expected text, but came a number` */
  readonly message: string;
}

declare const fits: unique symbol;

/** Says of a value what does not fit; of one that is a `Value`, nothing. */
export interface Shape<Value> {
  (value: unknown): Misfit | undefined;
  /** Never there: ties the shape to its type. */
  readonly [fits]?: Value;
}

/** Of a field that may be absent. One that is there must fit. */
interface Optional<Value> {
  readonly optional: Shape<Value>;
}

/** A shape for each field of the type, none left out. */
type Fields<Value> = {
  readonly [Name in keyof Value]-?: object extends Pick<Value, Name>
    ? Optional<Exclude<Value[Name], undefined>>
    : Shape<Value[Name]>;
};

export function optional<Value>(shape: Shape<Value>): Optional<Value> {
  return { optional: shape };
}

export const text: Shape<string> = (value) => (typeof value === "string" ? undefined : misfit("text", value));

export const flag: Shape<boolean> = (value) =>
  typeof value === "boolean" ? undefined : misfit("true or false", value);

export const positiveInteger: Shape<number> = (value) =>
  Number.isSafeInteger(value) && (value as number) > 0 ? undefined : misfit("a whole number from 1", value);

/** @param what for the message */
export function textThat(isSo: (value: string) => boolean, what: string): Shape<string> {
  return (value) => (typeof value === "string" && isSo(value) ? undefined : misfit(what, value));
}

export function textLike(pattern: RegExp, what: string): Shape<string> {
  return textThat((value) => pattern.test(value), what);
}

export function oneOf<const Word extends string>(...words: readonly Word[]): Shape<Word> {
  return (value) => (words.includes(value as Word) ? undefined : misfit(words.join("|"), value));
}

export function listOf<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  return (value) => {
    if (!Array.isArray(value)) return misfit("a list", value);
    for (let index = 0; index < value.length; index += 1) {
      const found = item(value[index]);
      if (found) return within(String(index), found);
    }
    return undefined;
  };
}

export function objectOf<Value extends object>(fields: Fields<Value>): Shape<Value> {
  const known = Object.entries<Shape<unknown> | Optional<unknown>>(fields).map(([name, field]) =>
    typeof field === "function"
      ? { name, shape: field, mayBeAbsent: false }
      : { name, shape: field.optional, mayBeAbsent: true },
  );
  return (value) => {
    if (!isObject(value)) return misfit("an object", value);
    for (const { name, shape, mayBeAbsent } of known) {
      const isThere = Object.hasOwn(value, name);
      if (!isThere && mayBeAbsent) continue;
      const found = shape(isThere ? value[name] : undefined);
      if (found) return within(name, found);
    }
    return undefined;
  };
}

/** An object of what JSON can hold. A number beyond all bounds would not survive being written again. */
export const jsonObject: Shape<JsonObject> = (value) =>
  isObject(value) ? jsonMisfit(value) : misfit("an object", value);

function jsonMisfit(value: unknown): Misfit | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : misfit("a finite number", value);
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const found = jsonMisfit(inner);
    if (found) return within(name, found);
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function within(name: string, { path, message }: Misfit): Misfit {
  return { path: [name, ...path], message };
}

function misfit(what: string, came: unknown): Misfit {
  return { path: [], message: `expected ${what}, but came ${kindOf(came)}` };
}

function kindOf(came: unknown): string {
  if (came === undefined) return "nothing";
  if (came === null) return "null";
  if (Array.isArray(came)) return "a list";
  if (typeof came === "string") return JSON.stringify(came.slice(0, 80));
  return typeof came === "number" || typeof came === "boolean" ? String(came) : "an object";
}

/** Whether a value of JSON nests deeper than so many levels. A leaf has none. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  // What JSON.parse has made has no fields but its own.
  for (const name in value) {
    if (isDeeperThan(levels - 1, (value as Record<string, unknown>)[name])) return true;
  }
  return false;
}
