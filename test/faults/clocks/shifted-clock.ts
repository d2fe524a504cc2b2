/**
 * Loaded before a program, with `node --import`: its wall clock is off by `LAUNCH_CLAIM_TEST_SHIFT_MS`, from the beginning or from
 * `LAUNCH_CLAIM_TEST_SHIFT_AFTER_MS` on. The monotonic clock and the timers are the machine's.
 */
const shiftMs = Number(process.env["LAUNCH_CLAIM_TEST_SHIFT_MS"] ?? 0);
const afterMs = Number(process.env["LAUNCH_CLAIM_TEST_SHIFT_AFTER_MS"] ?? 0);
const RealDate = Date;
const shifted = () => RealDate.now() + (performance.now() >= afterMs ? shiftMs : 0);

globalThis.Date = class extends RealDate {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [shifted()] : given) as [number]));
  }

  static override now(): number {
    return shifted();
  }
} as DateConstructor;
