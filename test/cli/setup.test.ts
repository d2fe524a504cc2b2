import fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configJsonSchema } from "../../src/config/schema.js";
import { CliHost } from "../fixtures/cli-host.js";
import { treeOf } from "../fixtures/registry-bench.js";

const SCHEMA = "launch-claim.schema.json";

describe("init", () => {
  test("writes a configuration that can be used, and the schema that it names", async () => {
    const host = new CliHost();
    const schema = join(host.workspace, SCHEMA);
    expect(await host.json(0, "init")).toEqual([{ written: [host.configFile(), schema] }]);
    const config = JSON.parse(fs.readFileSync(host.configFile(), "utf8")) as Record<string, unknown>;
    expect(config).toMatchObject({
      $schema: `./${SCHEMA}`,
      timeouts: { readyMs: 30_000 },
      idleStopMs: 1_800_000,
    });
    expect(JSON.parse(fs.readFileSync(schema, "utf8"))).toEqual(
      JSON.parse(JSON.stringify(configJsonSchema())),
    );
    await host.expectCode(0, "launch", "T-1");
  });

  test.each([SCHEMA, "launch-claim.config.json"])(
    "overwrites no %s, and then writes nothing at all",
    async (name) => {
      const host = new CliHost();
      fs.writeFileSync(join(host.workspace, name), "mine");
      const before = treeOf(host.workspace);
      const { err } = await host.expectCode(2, "init");
      expect(err).toContain(`${name} is there already`);
      expect(treeOf(host.workspace)).toEqual(before);
    },
  );

  test("follows no link that leads to nothing", async () => {
    const host = new CliHost();
    fs.symlinkSync(join(host.directory, "elsewhere"), host.configFile());
    await host.expectCode(2, "init");
    expect(fs.existsSync(join(host.directory, "elsewhere"))).toBe(false);
  });
});

describe("the schema of the configuration", () => {
  test("describes every field", () => {
    const missing: string[] = [];
    const look = (node: unknown, at: string) => {
      if (typeof node !== "object" || node === null) return;
      const { properties, oneOf, additionalProperties } = node as Record<string, unknown>;
      for (const [name, field] of Object.entries(
        (properties ?? {}) as Record<string, { description?: string }>,
      )) {
        if (!field.description) missing.push(`${at}.${name}`);
        look(field, `${at}.${name}`);
      }
      for (const [index, each] of ((oneOf ?? []) as unknown[]).entries()) look(each, `${at}|${index}`);
      look(additionalProperties, `${at}.*`);
    };
    look(configJsonSchema(), "");
    expect(missing).toEqual([]);
    expect(JSON.stringify(configJsonSchema())).toContain("endTurnNeedsProgress");
  });
});

describe("trust", () => {
  const config = {
    agents: { mine: { driver: "acp", command: ["my agent", "x\u202e"], environment: { A: "b c" } } },
  };

  test("shows what it allows, and then the configured agent is launched", async () => {
    const host = new CliHost();
    host.configure(config);
    await host.expectCode(2, "launch", "T-1", "--agent", "mine");
    const { out } = await host.expectCode(0, "trust");
    expect(out).toBe(`trusted ${host.configFile()}\n  mine: A='b c' 'my agent' 'x\\u202e'\n`);
    await host.expectCode(0, "launch", "T-1", "--agent", "mine");
  });

  test("is needed anew when the file has changed", async () => {
    const host = new CliHost();
    host.configure(config);
    await host.expectCode(0, "trust");
    host.configure({ ...config, roles: {} });
    await host.expectCode(2, "launch", "T-1", "--agent", "mine");
    expect(await host.json(0, "trust")).toMatchObject([{ trusted: { commands: [{ agent: "mine" }] } }]);
    await host.expectCode(0, "launch", "T-1", "--agent", "mine");
  });

  test("of nothing, or of what cannot be used, is 2 and allows nothing", async () => {
    const host = new CliHost();
    expect((await host.expectCode(2, "trust")).err).toContain("nothing to trust");
    host.configure({ agents: { mine: {} } });
    expect((await host.expectCode(2, "trust")).err).toContain("agents.mine.driver");
    expect(fs.existsSync(join(host.home, "trust"))).toBe(false);
  });
});
