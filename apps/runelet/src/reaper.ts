import { reapExitedChildren } from "@inclavare/linux";

/**
 * pid 1 inherits the orphans of the container (a stand-in whose `runc exec` is gone, for one) and has to take their exit
 * statuses, or they stay as zombies. init-runelet starts no children of its own, so every child is an orphan.
 */
export function reapOrphans(): void {
  process.on("SIGCHLD", () => reapExitedChildren());
  reapExitedChildren();
}
