/** Another's claim, as a program would write it that knows nothing of locks. */
export function foreignClaim(ticket: { readonly id: string }): string {
  const at = "2026-01-01T00:00:00.000Z";
  return JSON.stringify({
    format: "launch-claim/claim",
    version: 1,
    ticket,
    role: "intake",
    pod: "foreign-pod",
    launchId: `foreign-${ticket.id}`,
    claimedAt: at,
    adopted: false,
    acceptance: { level: "progress", kind: "foreign", at },
    runtime: { kind: "foreign", locator: {} },
  });
}
