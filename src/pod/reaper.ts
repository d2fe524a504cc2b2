import fs from "node:fs";
import { LaunchClaimError } from "../errors.js";
import { printable } from "../text.js";
import { findProgram } from "./find-program.js";

/** Marks the processes of a launch. A process with another's mark belongs to a nested Pod. */
export const MARKER = "LAUNCH_CLAIM_LAUNCH_ID";

/** By what it can be proven that nothing of a Pod is left. */
export type Proof = "kernel" | "scan";

/** Numbers of prctl, rt_sigprocmask and rt_sigtimedwait: perl has no names for them, and no wrapper without a module. */
const SYSCALLS: Readonly<Record<string, readonly [number, number, number]>> = {
  x64: [157, 14, 128],
  arm64: [167, 135, 137],
};

/** Perl reads PERL5OPT, PERL5LIB and a dozen more: they are the agent's, and are kept from the reaper under this name. */
const KEPT = "LAUNCH_CLAIM_KEPT_";

/**
 * The reaper: it stands between guardian and agent, so that however a process of the agent daemonises, it comes back to it. `ECHILD`
 * is then the kernel's word that nothing is left.
 *
 * In Perl, because every Debian and Ubuntu has it, it starts in milliseconds, and a Node process leaves adopted zombies. No modules.
 * All signals are blocked from before the fork on and SIGTERM and SIGCHLD are *waited for*: with handlers, one that came just
 * before a blocking wait would be lost. Blocked is also how it survives SIGHUP, SIGINT and SIGPIPE; the agent starts unblocked.
 *
 * Descriptor 3 is the agent lock, and 4 takes the reports: `failed TEXT`, `agent PID`, `exec TEXT` (it could not be run), `exit
 * code|signal NUMBER`, `gone`. It outlives its guardian, and holds the lock until nothing is left. It exits with 0 only then.
 * SIGTERM to it means: end all of it now.
 */
const PROGRAM = String.raw`
my ($prctl, $sigprocmask, $sigtimedwait, @command) = @ARGV;
my $own = $ENV{${MARKER}} // '';
my ($every, $none) = ("\xff" x 8, "\0" x 8);
my $awaited = pack 'Q', 1 << (15 - 1) | 1 << (17 - 1);
syscall 436, 5, 0xffffffff, 0;
open my $lock, '<&=', 3;
open my $report, '>&=', 4;
fcntl $_, 2, 1 for $lock, $report;
sub tell_guardian { syswrite $report, "$_[0]\n" }
sub give_up { tell_guardian("failed $_[0]: $!"); exit 1 }

syscall($prctl, 36, 1, 0, 0, 0) == 0 or give_up('prctl');
syscall($sigprocmask, 2, $every, 0, 8) == 0 or give_up('sigprocmask');
my $agent = fork // give_up('fork');

if (!$agent) {
  close $lock;
  setpgrp 0, 0;
  syscall $sigprocmask, 2, $none, 0, 8;
  delete $ENV{PERL_BADLANG};
  for my $name (keys %ENV) { $ENV{$1} = delete $ENV{$name} if $name =~ /^${KEPT}(.+)/s }
  sysread(STDIN, my $gate, 1) or exit 0;
  exec { $command[0] } @command;
  tell_guardian("exec $!");
  exit 127;
}

setpgrp $agent, $agent;
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
chdir '/';
tell_guardian("agent $agent");

sub is_nested {
  my ($pid) = @_;
  return 0 if $pid == $agent;
  open my $file, '<', "/proc/$pid/environ" or return 0;
  local $/;
  return (<$file> // '') =~ /(?:\A|\0)${MARKER}=([^\0]+)/ && $1 ne $own;
}

my ($alive, $ending) = (1, 0);
for (;;) {
  my $pid;
  while (($pid = waitpid -1, 1) > 0) {
    next if $pid != $agent;
    $alive = 0;
    tell_guardian($? & 127 ? 'exit signal ' . ($? & 127) : 'exit code ' . ($? >> 8));
  }
  last if $pid < 0;

  if ((!$alive || $ending) && open my $file, '<', "/proc/$$/task/$$/children") {
    my @ours = grep { $_ > 1 && !is_nested($_) } split ' ', <$file> // '';
    last if !@ours && !$alive;
    kill 'KILL', @ours if $ending && @ours;
  }
  # The end of a child wakes it at once: so a chain of forks is cut at its next link. The time, in nanoseconds, is for what comes without
  # such news: a child that has become a nested Pod, and one that comes from below another.
  my $timeout = $alive && !$ending ? 0 : pack 'qq', 0, $ending ? 2_000_000 : 250_000_000;
  $ending = 1 if syscall($sigtimedwait, $awaited, 0, $timeout, 8) == 15;
}
tell_guardian('gone');
exit 0;
`;

/** The argument list and environment that start the agent under a reaper. */
export interface ReaperCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** How the reaper is called for this agent; undefined where it cannot work. */
export function reaperCall(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ReaperCall | undefined {
  const numbers = SYSCALLS[process.arch];
  const perl = findPerl(environment["PATH"]);
  if (!numbers || perl === undefined) return undefined;
  const kept = Object.entries(environment).map(
    ([name, value]) => [name.startsWith("PERL") ? `${KEPT}${name}` : name, value] as const,
  );
  return {
    file: perl,
    args: ["-e", PROGRAM, "--", ...numbers.map(String), ...command],
    // A locale that is not installed is the agent's affair: Perl would complain of it on the agent's stderr.
    environment: { ...Object.fromEntries(kept), PERL_BADLANG: "0" },
  };
}

/** What `chooseProof` looks at; for tests. */
export interface ProofHost {
  readonly platform: string;
  readonly arch: string;
  /** Whether the kernel lists the children of a task. */
  readonly listsChildren: boolean;
}

/**
 * `kernel` where it can work, else `scan`. Only looked up, never tried: this is on the way of every launch. `LAUNCH_CLAIM_PROOF` in the
 * environment demands one of them.
 *
 * @throws LaunchClaimError `request_invalid` if `kernel` is demanded where it cannot work, or something that is neither
 */
export function chooseProof(
  environment: Readonly<Record<string, string | undefined>>,
  host: ProofHost = thisHost(),
): Proof {
  const demanded = environment["LAUNCH_CLAIM_PROOF"];
  if (demanded === "scan") return "scan";
  if (demanded !== undefined && demanded !== "" && demanded !== "kernel") {
    throw new LaunchClaimError("request_invalid", `LAUNCH_CLAIM_PROOF is ${printable(demanded)}`, {
      hint: 'Set it to "kernel" or "scan", or leave it unset.',
    });
  }
  const obstacle = obstacleTo(environment["PATH"], host);
  if (obstacle === undefined) return "kernel";
  if (demanded !== "kernel") return "scan";
  throw new LaunchClaimError("request_invalid", `LAUNCH_CLAIM_PROOF is "kernel", but ${obstacle}`, {
    hint: 'Set it to "scan", which an escaped process can evade, or provide what is missing.',
  });
}

function obstacleTo(path: string | undefined, host: ProofHost): string | undefined {
  if (host.platform !== "linux") return `${host.platform} has no child subreaper`;
  if (!(host.arch in SYSCALLS)) return `the system calls of ${host.arch} are not known`;
  if (!host.listsChildren) return "this kernel does not list the children of a process";
  return findPerl(path) === undefined ? "there is no perl" : undefined;
}

/** The system's perl before any other: one that a user built starts slower, and may be missing tomorrow. */
function findPerl(path: string | undefined): string | undefined {
  for (const command of ["/usr/bin/perl", "perl"]) {
    const answer = findProgram(command, { path, cwd: "/" });
    if (answer.kind === "found") return answer.file;
  }
  return undefined;
}

function thisHost(): ProofHost {
  const { platform, arch, pid } = process;
  return { platform, arch, listsChildren: fs.existsSync(`/proc/${pid}/task/${pid}/children`) };
}
