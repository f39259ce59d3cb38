/** How `zt-gateway` ends; the help text says the same. */
export const EXIT = { done: 0, mistakes: 1, usage: 2, cannotStart: 3, endedAtOnce: 4 } as const
