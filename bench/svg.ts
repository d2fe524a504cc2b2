/** Elements of an SVG, as text: enough of it for a plot. */

export type Attributes = Readonly<Record<string, string | number>>;

/** An element around text or around other elements. Text has to be escaped by `text`. */
export function element(name: string, attributes: Attributes, ...inner: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(shortOf(value))}"`);
  const open = `<${name}${written.join("")}`;
  return inner.length === 0 ? `${open}/>` : `${open}>${inner.join("")}</${name}>`;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escaped(words));
}

export function line(from: Point, to: Point, attributes: Attributes): string {
  return element("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, ...attributes });
}

export function polyline(points: readonly Point[], attributes: Attributes): string {
  return element("polyline", {
    points: points.map(({ x, y }) => `${shortOf(x)},${shortOf(y)}`).join(" "),
    ...attributes,
  });
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A mark that is told from the others without its colour, too. */
export function mark(shape: number, { x, y }: Point, attributes: Attributes): string {
  const r = 4.5;
  const corners = (...offsets: readonly (readonly [number, number])[]) =>
    element("polygon", {
      points: offsets.map(([dx, dy]) => `${shortOf(x + dx)},${shortOf(y + dy)}`).join(" "),
      ...attributes,
    });
  switch (shape % 4) {
    case 0:
      return element("circle", { cx: x, cy: y, r, ...attributes });
    case 1:
      return corners([-r, -r], [r, -r], [r, r], [-r, r]);
    case 2:
      return corners([0, -r - 1], [r + 1, r], [-r - 1, r]);
    default:
      return corners([0, -r - 1.5], [r + 1.5, 0], [0, r + 1.5], [-r - 1.5, 0]);
  }
}

/** A tenth of a pixel is more than anybody sees. */
function shortOf(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 10) / 10) : value;
}

function escaped(words: string): string {
  return words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
