// Writes the JSON schema of the configuration into the build, for editors. Runs from dist/scripts, as a part of the build.
import fs from "node:fs";
import { configJsonSchema } from "../src/config/schema.js";

fs.writeFileSync(
  new URL("../config.schema.json", import.meta.url),
  `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
);
