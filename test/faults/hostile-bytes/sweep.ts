import type { Sweep } from "../sweep.js";
import { sweepConfiguration } from "./configuration.js";
import { sweepNames } from "./names.js";
import { sweepProtocol } from "./protocol.js";
import { sweepRecords } from "./records.js";

const QUICK = { records: 40, names: 1_000, lines: 500, connections: 80, configuration: 250 };
const WHOLE = { records: 500, names: 40_000, lines: 8_000, connections: 2_000, configuration: 4_000 };

/** Bytes that somebody else wrote, wherever launch-claim reads some. */
export const hostileBytes: Sweep = {
  name: "hostile-bytes",
  title: "Hostile bytes",
  about:
    "Valid records, protocol messages, configurations, trust and ticket files are damaged (bits flipped, cut, spliced, fields of other types, nesting 20,000 deep, names of prototypes, other records' bytes) and read. The reader must answer or refuse by an error of launch-claim; a record must hide no other, stand for no other and be named by `doctor` if it is not read; a Pod and its client must take what came before the first broken line and nothing after it, and go on serving others; every ticket id and slug must have a name of its own that fits into its directory.",
  notCovered: [
    "The control channel between a launcher and its guardian, and what an agent says on its own protocol, are not damaged here.",
    "The YAML of ticket files is damaged in its bytes and fields, not nested deeply: a process was seen to die of YAML nested 100,000 deep.",
    "Lines of the Pod protocol that are too long are sent to a Pod with a limit of 64 KiB, to a client not at all.",
    "Commands and launches on a damaged registry are not run; the registry's own methods are called.",
  ],
  async run({ quick, seed, tell }) {
    const amounts = quick ? QUICK : WHOLE;
    const of = (cases: number) => ({ seed, cases });
    const parts = [
      ...(await sweepRecords(of(amounts.records))),
      ...(await sweepNames(of(amounts.names))),
      ...(await sweepProtocol({ seed, lines: amounts.lines, connections: amounts.connections })),
      ...(await sweepConfiguration(of(amounts.configuration))),
    ];
    for (const { count } of parts) tell(`${count[1]} ${count[0]}`);
    return {
      counts: parts.map(({ count }) => count),
      violations: parts.flatMap(({ violations }) => violations),
    };
  },
};
