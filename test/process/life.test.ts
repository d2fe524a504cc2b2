/** Promise 6: a record names one process of one boot in one PID namespace; its pid alone names nobody. */
import { describe, expect, it } from "vitest";
import { identityOf, lifeOf, ownIdentity } from "../../src/processes.js";

const own = ownIdentity();
/** Above what Linux can be told to allow (2^22): nobody's. */
const NOBODY = 4_194_305;

describe("the life of a recorded process", () => {
  it("is alive while it is the one that runs under its pid", () => {
    expect(lifeOf(own)).toBe("alive");
    expect(identityOf(process.pid)).toEqual(own);
  });

  it("is gone when its pid was given to another: the start time differs", () => {
    expect(lifeOf({ ...own, startTime: `${own.startTime}1` })).toBe("gone");
  });

  it("is gone when nobody has its pid", () => {
    expect(lifeOf({ ...own, pid: NOBODY })).toBe("gone");
    expect(identityOf(NOBODY)).toBeUndefined();
  });

  it("is gone when it was of another boot, whoever has its pid now", () => {
    expect(lifeOf({ ...own, bootId: "00000000-0000-4000-8000-000000000000" })).toBe("gone");
  });

  it("cannot be told from another PID namespace, where its pid means somebody else", () => {
    expect(lifeOf({ ...own, pidNamespace: "pid:[1]" })).toBe("unknown");
    expect(lifeOf({ ...own, pid: NOBODY, pidNamespace: "pid:[1]" })).toBe("unknown");
  });
});
