import fs from "node:fs";

/** Read when it is asked for, from the package that this file is in: from the sources or from the build, parts of which are marked. */
export function version(): string {
  for (let at = new URL(".", import.meta.url); ; at = new URL("..", at)) {
    const file = new URL("package.json", at);
    if (fs.existsSync(file)) {
      const { version } = JSON.parse(fs.readFileSync(file, "utf8")) as { version?: string };
      if (version !== undefined) return version;
    }
    if (at.pathname === "/") throw new Error("this program is in no package");
  }
}
