/** A promise was seen broken. */
export class Broken extends Error {}

export function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new Broken(otherwise);
}
