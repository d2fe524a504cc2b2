// Removes the build. Plain JavaScript without dependencies, because it runs before there is a build.
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
