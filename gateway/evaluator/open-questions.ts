/** Questions that wait for their answer: each is asked once at a time, and one device cannot take every place. Pure. */
import { err, ok, type Result } from '#lib/result'

/** How many may wait, at most. */
export type QuestionLimits = { readonly total: number; readonly perDevice: number }

export type NotAsked = 'too_many_questions' | 'too_many_of_device'

export interface OpenQuestions<Answer> {
  /**
   * Joins the question that waits under this key, or begins it.
   * @param begin must not reject.
   */
  ask(
    key: string,
    deviceId: string,
    begin: () => Promise<Answer>,
  ): Result<Promise<Answer>, NotAsked>
}

export function createOpenQuestions<Answer>({
  total,
  perDevice,
}: QuestionLimits): OpenQuestions<Answer> {
  const open = new Map<string, { readonly deviceId: string; readonly answer: Promise<Answer> }>()

  function objection(deviceId: string): NotAsked | undefined {
    if (open.size >= total) return 'too_many_questions'
    const own = [...open.values()].filter((one) => one.deviceId === deviceId)
    return own.length >= perDevice ? 'too_many_of_device' : undefined
  }

  return {
    ask(key, deviceId, begin) {
      const same = open.get(key)
      if (same !== undefined) return ok(same.answer)
      const reason = objection(deviceId)
      if (reason !== undefined) return err(reason)
      const answer = begin().finally(() => open.delete(key))
      open.set(key, { deviceId, answer })
      return ok(answer)
    },
  }
}
