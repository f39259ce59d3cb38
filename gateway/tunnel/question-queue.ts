/** Questions wait in line for their answers. */

type QuestionQueue = { add(task: () => Promise<void>): boolean }

/** Runs tasks one after the other. `add` is false when too many wait. A task that rejects is a bug. */
export function createQuestionQueue(limit: number): QuestionQueue {
  let waiting = 0
  let last = Promise.resolve()
  return {
    add(task) {
      if (waiting >= limit) return false
      waiting += 1
      last = last.then(task).finally(() => {
        waiting -= 1
      })
      return true
    },
  }
}
