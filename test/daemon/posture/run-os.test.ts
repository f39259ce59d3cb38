import test from 'ava'
import { runSystem } from '../../../daemon/posture/run-os.ts'

const never = new AbortController().signal

test('D10: programs of the system are run without a shell, and what they say is told', async (t) => {
  t.deepEqual(await runSystem('echo', ['$PATH; `id`'], never), {
    ...{ code: 0, stdout: '$PATH; `id`\n', stderr: '' },
  })
  t.deepEqual(await runSystem('false', [], never), { code: 1, stdout: '', stderr: '' })
  t.is(await runSystem('no-such-program', [], never), undefined)
})

test('D10: a program that takes too long, says too much or is given up is ended', async (t) => {
  await t.throwsAsync(runSystem('sleep', ['60'], never, { timeLimitMs: 50 }))
  await t.throwsAsync(runSystem('sleep', ['60'], AbortSignal.timeout(50)))
  await t.throwsAsync(runSystem('yes', [], never), { code: 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER' })
})
