// The layers of DESIGN: machines ← launch ← launcher ← cli. Every rule says why it is there; scripts/check-layers.js runs them.

const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

const options = {
  doNotFollow: { path: ["^node_modules/", "^dist/"] },
  tsConfig: { fileName: "tsconfig.json" },
  // Type imports count: they vanish from the build, and tie the layers together all the same.
  tsPreCompilationDeps: true,
  enhancedResolveOptions: {
    exportsFields: ["exports"],
    conditionNames: ["types", "import", "node", "default"],
  },
};

const forbidden = [
  forbid(
    "no-unresolved",
    "An import that is not found is an import that no other rule has seen.",
    {},
    { couldNotResolve: true },
  ),
  forbid(
    "no-cycles",
    "Of two files that need each other, neither can be read first.",
    {},
    { circular: true },
  ),
  forbid(
    "machines-are-pure",
    "A machine decides and does nothing else: it imports xstate and its own files.",
    { path: "^machines/" },
    { pathNot: ["^machines/", "^node_modules/xstate/"] },
  ),
  forbid(
    "bottom-stays-bottom",
    "Ports, errors and the like are what every layer may know: they know none.",
    { path: "^src/(ports|pod-records|errors|text|shape|processes)\\.ts$" },
    { path: "^src/", pathNot: "^src/(ports|pod-records|errors|text|shape|processes)\\.ts$" },
  ),
  forbid(
    "nothing-imports-cli",
    "The command line is the only place that touches the process; nothing of the product may depend on it.",
    { path: "^(src|machines|examples|bench)/", pathNot: "^src/cli/" },
    { path: "^src/cli/" },
  ),
  forbid(
    "adapters-stand-alone",
    "Registry, protocol and pod can each be replaced: they know ports and record types, not each other, nor who uses them.",
    { path: "^src/(registry|protocol|pod)/" },
    {
      path: ["^src/(registry|protocol|pod|launch|verbs)/", "^src/(launcher|index|guardian)\\.ts$"],
      // A Pod speaks its protocol, on both ends; the protocol knows no Pod.
      pathNot: ["^src/$1/", "^src/registry/records\\.ts$", "^src/protocol/"],
    },
  ),
  forbid(
    "tickets-know-nobody",
    "Ticket files are read and nothing else: whoever uses them does not concern their reader.",
    { path: "^src/tickets/" },
    { path: ["^src/(registry|protocol|pod|launch|verbs|testing)/", "^src/(launcher|index|ports)\\.ts$"] },
  ),
  forbid(
    "protocol-speaks-for-nobody",
    "Frames and messages know neither who sends them nor who keeps what they tell.",
    { path: "^src/protocol/" },
    { path: "^src/(registry|pod|launch|verbs|testing)/" },
  ),
  forbid(
    "adapters-share-record-types-only",
    "Of the registry's records, protocol and pod may know the types, not the code.",
    { path: "^src/(protocol|pod)/" },
    { path: "^src/registry/records\\.ts$", dependencyTypesNot: ["type-only"] },
  ),
  forbid(
    "launch-knows-no-launcher",
    "An actor of the machine is given what it needs; it does not reach for who runs it.",
    { path: "^src/launch/" },
    { path: ["^src/(verbs|testing)/", "^src/(launcher|index)\\.ts$"] },
  ),
  forbid(
    "restore-knows-no-launcher",
    "A restore is made of a launch's actors and the verbs; it does not reach for who runs it, and a launch knows nothing of it.",
    { path: "^src/(launch|verbs|registry|protocol|pod)/" },
    { path: "^src/restore/" },
  ),
  forbid(
    "testing-is-for-hosts",
    "`launch-claim/testing` is a subpath of its own: a host that only launches must not load it.",
    { path: "^src/", pathNot: "^src/testing/" },
    { path: "^src/testing/" },
  ),
  forbid(
    "product-ignores-workshop",
    "What is published must not need what is not.",
    { path: "^(src|machines)/" },
    { path: "^(test|examples|bench|scripts|dist)/" },
  ),
  forbid(
    "product-needs-only-its-dependencies",
    "A development dependency is not installed where the library is.",
    { path: "^(src|machines)/" },
    {
      dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
      dependencyTypesNot: ["npm", "npm-peer", "type-only"],
    },
  ),
  forbid(
    "examples-are-hosts",
    "An example imports the library as a host does, by its package name, or it proves nothing about the package.",
    { path: "^examples/" },
    // By its own name, the package is found in the build and is no "local" dependency.
    { path: "^(src|machines|test|bench|scripts|dist)/", dependencyTypes: ["local"] },
  ),
];

export default { forbidden, options };
