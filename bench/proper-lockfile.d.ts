/** What is used of `proper-lockfile`, which ships no types. */
declare module "proper-lockfile" {
  export function lock(file: string): Promise<() => Promise<void>>;
  /** @throws an error with code `ELOCKED` while another holds it */
  export function lockSync(file: string): () => void;
}
