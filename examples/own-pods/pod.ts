/**
 * A Pod: the program that a launch starts. Run it with
 *
 * - descriptor 0: the control channel. One line, the assignment, comes in; its end means that the launcher is gone
 * - descriptor 2: the ready line goes out here, and what went wrong before it
 * - descriptor 3: the Pod lock. Nothing has to be done about it: the kernel holds it for as long as this process lives, and Node
 *   passes it to no child
 */
import { runPod } from "./pod-process.js";

runPod();
