import fs from "node:fs";
import { LaunchClaimError, messageOf } from "../errors.js";

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Creates a private directory, or checks the one that is there: ours, not writable by others, not a link. Whoever can write
 * into the registry can forge a claim.
 *
 * @throws LaunchClaimError `directory_unsafe` | `workspace_unwritable`
 */
export function ensurePrivateDirectory(path: string): void {
  const there = look(path);
  if (there === undefined) {
    create(path);
    return;
  }
  const uid = process.geteuid?.();
  if (there.isSymbolicLink()) throw unsafe(path, "is a symbolic link", "Replace it by the directory itself.");
  if (!there.isDirectory()) throw unsafe(path, "is not a directory", "Move it away.");
  if (there.uid !== uid) {
    throw unsafe(path, `belongs to user ${there.uid}, not to user ${uid}`, "Choose a directory of your own.");
  }
  if ((there.mode & WRITABLE_BY_OTHERS) !== 0) {
    const mode = (there.mode & 0o777).toString(8).padStart(4, "0");
    throw unsafe(path, `can be written by others (mode ${mode})`, `Run: chmod 700 ${path}`);
  }
}

function look(path: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function create(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700, recursive: true });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): LaunchClaimError {
  return new LaunchClaimError(
    "workspace_unwritable",
    `could not create the directory ${path}: ${messageOf(cause)}`,
    {
      hint: "Set LAUNCH_CLAIM_HOME to a directory on a local disk that can be written.",
      cause,
    },
  );
}

function unsafe(path: string, what: string, hint: string): LaunchClaimError {
  return new LaunchClaimError("directory_unsafe", `the registry directory ${path} ${what}`, { hint });
}

/** Magic numbers of `statfs(2)` for file systems whose locks or links do not hold across machines. */
const SHARED_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x01021997: "9p",
  0x65735546: "FUSE",
  0x00c36400: "Ceph",
  0x6b414653: "AFS",
  0x47504653: "GPFS",
  0x0bd00bd0: "Lustre",
};

/**
 * One kernel only: on a network or shared file system a lock may be granted twice.
 *
 * @throws LaunchClaimError `filesystem_unsupported`
 */
export function refuseSharedFileSystem(path: string): void {
  let type: number;
  try {
    type = fs.statfsSync(path).type;
  } catch (cause) {
    throw new LaunchClaimError("workspace_unwritable", `could not examine ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
  const name = process.platform === "linux" ? SHARED_FILE_SYSTEMS[type >>> 0] : undefined;
  if (name !== undefined) {
    throw new LaunchClaimError(
      "filesystem_unsupported",
      `the registry ${path} is on ${name}, a shared file system`,
      {
        hint: "Set LAUNCH_CLAIM_HOME to a directory on a local disk: locks on a shared file system may be granted twice.",
      },
    );
  }
}
