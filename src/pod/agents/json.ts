/** Reading what an agent sent: anything may be anything. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The field of an object's own; undefined if it has none or is no object. */
export function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/**
 * Deeper JSON is refused before it is parsed. V8 parses any depth, but what is passed on is serialised again, and that recurses:
 * a line of brackets would end the process. Nothing real was seen to nest deeper than a dozen levels.
 */
const MAX_DEPTH = 500;

/** The object in this line; undefined if it holds no JSON, no object, or is nested beyond all reason. */
export function objectIn(line: string): Record<string, unknown> | undefined {
  // Most noise is told by its first character: a gigabyte of it must not cost an error's stack trace for each line.
  if (!line.trimStart().startsWith("{") || isTooDeep(line)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // No JSON: what it is stays visible in the log, and nobody has to know at which character.
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isTooDeep(line: string): boolean {
  // Each level has a closing bracket too. Most lines are far too short to be deep, and cost nothing here.
  if (line.length < 2 * MAX_DEPTH) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at];
    if (inString) {
      if (char === "\\") at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "[" || char === "{") {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === "]" || char === "}") depth -= 1;
  }
  return false;
}
