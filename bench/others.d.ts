/** What is used of packages that ship no types. */
declare module "proper-lockfile" {
  export function lock(file: string, options?: { readonly realpath?: boolean }): Promise<() => Promise<void>>;
  /** @throws an error with code `ELOCKED` while another holds it */
  export function lockSync(file: string): () => void;
}

declare module "write-file-atomic" {
  const writeFileAtomic: (file: string, text: string, options: { readonly mode: number }) => Promise<void>;
  export = writeFileAtomic;
}
