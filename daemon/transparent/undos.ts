/** What gives a machine back, the last one first. Pure. */
export type Undos = (() => Promise<void>)[]

/**
 * Runs all of them, and empties the list.
 * @throws {Error} when some failed; the others were run all the same.
 */
export async function giveBack(undos: Undos): Promise<void> {
  const failed: string[] = []
  for (const undo of undos.splice(0).reverse()) {
    await undo().catch((cause: unknown) => failed.push(String(cause)))
  }
  if (failed.length > 0) throw new Error(failed.join('; '))
}
