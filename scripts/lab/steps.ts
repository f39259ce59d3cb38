/**
 * Steps of a demonstration: run in order, each with what it showed and how long it took.
 */

/** What a step showed: one line of evidence. @throws {Error} when it did not hold. */
export type Step = { readonly title: string; readonly show: () => Promise<string> }

/** A step that was run. */
export type StepResult = {
  readonly title: string
  readonly passed: boolean
  readonly seconds: number
  /** Evidence, or why it failed. */
  readonly detail: string
}

/** Runs steps until one fails; later ones build on earlier ones. */
export async function runSteps(
  steps: readonly Step[],
  report: (result: StepResult) => void,
): Promise<readonly StepResult[]> {
  const results: StepResult[] = []
  for (const step of steps) {
    const result = await runStep(step)
    results.push(result)
    report(result)
    if (!result.passed) break
  }
  return results
}

async function runStep({ title, show }: Step): Promise<StepResult> {
  const startedAtMs = performance.now()
  const seconds = (): number => (performance.now() - startedAtMs) / 1000
  try {
    const detail = await show()
    return { title, passed: true, seconds: seconds(), detail }
  } catch (failure) {
    const detail = failure instanceof Error ? failure.message : String(failure)
    return { title, passed: false, seconds: seconds(), detail }
  }
}

/** One line a step: mark, seconds, title, first line of the evidence. */
export function stepLine({ title, passed, seconds, detail }: StepResult): string {
  const evidence = detail
    .split('\n')
    .slice(0, passed ? 1 : 20)
    .join('\n      ')
  return `${passed ? '  ok  ' : ' FAIL '} ${seconds.toFixed(1).padStart(5)} s  ${title}\n                 ${evidence}`
}

/** Throws unless `condition` holds: the message is what the reader of the table sees. */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
