import fc from "fast-check";

/** Values that no field expects, as the JSON they are written in: some of them no value could be turned into. */
const HOSTILE: readonly string[] = [
  ...["null", "true", "0", "-1", "1.5", "1e999", "12345678901234567890", '""', "[]", "{}", "[[]]"],
  ...['"\\ud800"', '"\\u0000"', '"\\u202e"', '"../../etc/passwd"', '"."', '"__proto__"', '"T-2"', '"t-1"'],
  ...['{"__proto__":{"id":"T-2"}}', '{"constructor":1,"toString":null}', '{"then":1}', '{"length":-1}'],
  JSON.stringify("x".repeat(5_000)),
  nested(300),
  nested(20_000),
];

/** Texts that are JSON and no object of ours. */
const FOREIGN: readonly string[] = [
  "",
  "\n",
  "\0",
  "null",
  "[]",
  "{}",
  '"x"',
  "1",
  nested(50_000),
  "\ufeff{}",
];

function nested(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

/** A valid text that nests deeper than a stack is high: in a field that nobody knows, and in one that is known. */
export function deepened(text: string): readonly Buffer[] {
  const deep = nested(20_000);
  const unknown = text.replace(/\}\s*$/u, () => `,"later":${deep}}`);
  const known = text.replace(/"locator":\{\}/u, () => `"locator":{"deep":${deep}}`);
  return [Buffer.from(unknown), Buffer.from(known)];
}

type Path = readonly (string | number)[];

/** Where the values in a JSON value are, the whole of it first. */
export function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    pathsIn(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [path, ...inner];
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
}

/** The JSON of a value with the text `put` in the place of what is at `path`; without that field if `put` is undefined. */
export function withText(value: unknown, path: Path, put: string | undefined): string {
  const [key, ...rest] = path;
  if (key === undefined) return put ?? "";
  const entries = Object.entries(value as object).flatMap(([name, one]: [string, unknown]) => {
    if (name !== String(key)) return [[name, JSON.stringify(one)] as const];
    if (rest.length === 0 && put === undefined) return [];
    return [[name, withText(one, rest, put)] as const];
  });
  if (Array.isArray(value)) return `[${entries.map(([, text]) => text).join(",")}]`;
  return `{${entries.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** One field of a valid JSON value of another type, of another value, or not there. */
export function withSwappedField(value: unknown): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...pathsIn(value)), fc.option(fc.constantFrom(...HOSTILE), { nil: undefined }))
    .map(([path, put]) => withText(value, path, put));
}

/** A name that objects have of themselves, or one that is there already, with a hostile value. */
function withAddedField(text: string): fc.Arbitrary<string> {
  const name = fc.constantFrom(
    "__proto__",
    "constructor",
    "toString",
    "toJSON",
    "then",
    "format",
    "version",
    "ticket",
  );
  return fc
    .tuple(name, fc.constantFrom(...HOSTILE), fc.boolean())
    .map(([key, put, first]) =>
      first
        ? text.replace("{", () => `{"${key}":${put},`)
        : text.replace(/\}\s*$/u, () => `,"${key}":${put}}`),
    );
}

/** The bytes of a valid text with bits flipped, cut short, cut out or with other bytes between. */
export function damagedBytes(text: string): fc.Arbitrary<Buffer> {
  const bytes = Buffer.from(text);
  const at = fc.nat({ max: Math.max(0, bytes.length - 1) });
  const flipped = fc.array(fc.tuple(at, fc.nat({ max: 7 })), { minLength: 1, maxLength: 4 }).map((flips) => {
    const copy = Buffer.from(bytes);
    for (const [place, bit] of flips) copy[place] = (copy[place] ?? 0) ^ (1 << bit);
    return copy;
  });
  const cutShort = at.map((end) => bytes.subarray(0, end));
  const foreign = fc.uint8Array({ maxLength: 12 });
  const spliced = fc
    .tuple(at, fc.nat({ max: 20 }), foreign)
    .map(([from, length, between]) =>
      Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(from + length)]),
    );
  const zeroed = at.map((from) =>
    Buffer.concat([bytes.subarray(0, from), Buffer.alloc(bytes.length - from)]),
  );
  return fc.oneof(flipped, cutShort, spliced, zeroed);
}

/** Everything that may stand where a valid JSON text is expected, valid now and then. */
export function hostileJson(value: object, text = JSON.stringify(value)): fc.Arbitrary<Buffer> {
  const asBytes = (given: fc.Arbitrary<string>) => given.map((one) => Buffer.from(one));
  return fc.oneof(
    { weight: 4, arbitrary: asBytes(withSwappedField(value)) },
    { weight: 2, arbitrary: asBytes(withAddedField(text)) },
    { weight: 4, arbitrary: damagedBytes(text) },
    { weight: 1, arbitrary: asBytes(fc.constantFrom(text, ...FOREIGN)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((one) => Buffer.from(one)) },
  );
}
