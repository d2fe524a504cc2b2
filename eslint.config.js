import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const namedExportsOnly = [
  {
    selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
    message: "Export by name: a default has none, and every importer invents one.",
  },
  {
    selector: "ExportAllDeclaration",
    message: "Name what is exported: a surface must not grow by accident.",
  },
];

const ofTheHost =
  "The library never owns the host's process. Let the caller decide; only the command line may.";
const impure = "A machine decides and does nothing else: give it time, identity and I/O from outside.";

export default defineConfig(
  globalIgnores(["dist/", "coverage/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },

  // Plain scripts run before there is a build, and have no types.
  {
    files: ["**/*.js"],
    extends: [eslint.configs.recommended],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },

  {
    files: ["**/*.ts"],
    extends: [eslint.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ["vitest.config.ts"] } } },
    rules: {
      "no-restricted-syntax": ["error", ...namedExportsOnly],
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/consistent-type-exports": "error",
      // A default counts: it is written down, and says what the rest means.
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        {
          argsIgnorePattern: "^_",
          varsIgnorePattern: "^_",
          destructuredArrayIgnorePattern: "^_",
          ignoreRestSiblings: true,
        },
      ],
      // What was caught may be anything, and is handed on as it is.
      "@typescript-eslint/prefer-promise-reject-errors": ["error", { allowThrowingUnknown: true }],
      // `(fd) => fs.closeSync(fd)` says what it does; braces would only make it longer.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Ports are asynchronous by contract: an implementation that happens to do all its work at once still returns a promise,
      // and still rejects rather than throws.
      "@typescript-eslint/require-await": "off",
    },
  },

  {
    files: ["src/**/*.ts", "machines/**/*.ts"],
    // The scripted agent is a program of its own that tests run.
    // Three programs of ours own their process: the command, the guardian, and the agent that tests and hosts script.
    ignores: ["src/cli/**", "src/guardian.ts", "src/testing/scripted-agent.ts"],
    rules: {
      "no-restricted-globals": ["error", { name: "console", message: ofTheHost }],
      "no-restricted-properties": [
        "error",
        ...[
          "abort",
          "addListener",
          "chdir",
          "exit",
          "exitCode",
          "on",
          "once",
          "prependListener",
          "umask",
        ].map((property) => ({ object: "process", property, message: ofTheHost })),
      ],
      // Imported, they would go by another name.
      "no-restricted-imports": [
        "error",
        {
          paths: ["node:process", "process", "node:console", "console"].map((name) => ({
            name,
            message: ofTheHost,
          })),
        },
      ],
    },
  },
  {
    files: ["machines/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...[
          "console",
          "crypto",
          "Date",
          "fetch",
          "performance",
          "process",
          "setImmediate",
          "setInterval",
          "setTimeout",
        ].map((name) => ({ name, message: impure })),
      ],
    },
  },

  {
    files: ["test/**/*.ts", "src/testing/**/*.ts"],
    rules: {
      // What a test has just made is there; if not, the test fails either way.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // `expect(port.method).toHaveBeenCalled()` does not call it.
      "@typescript-eslint/unbound-method": "off",
    },
  },
  { files: ["vitest.config.ts"], rules: { "no-restricted-syntax": "off" } },
);
