import test from 'ava'
import { createQuestions } from '../../../daemon/tunnel/tunnel-questions.ts'
import { err, ok } from '../../../lib/result.ts'

test('a question takes the one kind of message that answers it, and no other', async (t) => {
  const questions = createQuestions(async ({ type }) =>
    type === 'audit_proof'
      ? ok({ type: 'audit_proof', seq: 1, id: '1', hashes: ['aa'] })
      : ok({ type: 'refused', seq: 1, id: '1', reason: 'no_such_size' }),
  )
  t.deepEqual(await questions.auditProof(1, 2), ok(['aa']))
  const unsupported = err({ reason: 'unsupported' })
  t.deepEqual(await questions.applications(), unsupported)
  t.deepEqual(await questions.explain({ host: 'wiki', port: 443 }), unsupported)
  t.deepEqual(await questions.reportPosture([]), unsupported)
})

test('why there is no answer goes to whoever asked', async (t) => {
  const lost = err({ reason: 'connection_lost' })
  t.deepEqual(await createQuestions(async () => lost).auditProof(1, 2), lost)
})
