import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import ava, { type ExecutionContext } from 'ava'
import { decodeJwt, jwtVerify, SignJWT } from 'jose'
import type { AccessChange } from '../../../gateway/access-change.ts'
import { ANSWER_LIMIT_MS } from '../../../gateway/evaluator/evaluation.ts'
import {
  type EvaluationLimits,
  openEvaluations,
} from '../../../gateway/evaluator/evaluations-client.ts'
import { evaluate } from '../../../gateway/policy/evaluate.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { deferred } from '../../support/deferred.ts'
import { startHttps } from '../../support/https-target.ts'
import { ALICE_DEVICE, everyone, factsOf, open, policyOf } from '../../support/policy-builder.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** One after the other: an evaluator has ten seconds, which thirty handshakes at once may take. */
const test = ava.serial

const ISSUER = 'https://login.example.com'
const NOW_MS = Date.UTC(2026, 10, 21)
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const publicPem = (key = p256().publicKey) => key.export({ type: 'spki', format: 'pem' })

type Asked = { readonly jti: string; readonly aud: string; readonly facts: Facts }
type Reply = (asked: Asked, response: ServerResponse, sign: Sign) => unknown
type Sign = (claims: object, key?: KeyObject) => Promise<string>

const answer =
  (claims: object = {}, key?: KeyObject): Reply =>
  async ({ jti }, response, sign) =>
    response.end(await sign({ jti, allow: true, ...claims }, key))

/** An evaluator that answers as told, and those who ask it for a flow to an application that names it. */
async function start(
  t: ExecutionContext,
  reply: Reply,
  { timeout = '10s', limits = {} }: { timeout?: string; limits?: Partial<EvaluationLimits> } = {},
) {
  const theirs = p256()
  const ours = p256()
  const asked: Asked[] = []
  const sign: Sign = (claims, key = theirs.privateKey) =>
    new SignJWT({ aud: ISSUER, exp: NOW_MS / 1000 + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(key)
  const ca = await throwawayCa()
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const token = await text(request)
    await jwtVerify(token, ours.publicKey, { issuer: ISSUER, currentDate: new Date(NOW_MS) })
    asked.push(decodeJwt(token) as unknown as Asked)
    await reply(asked.at(-1) as Asked, response, sign)
  }
  const server = await startHttps(await ca.issue('localhost'), (request, response) => {
    void handle(request, response)
  })
  t.teardown(() => server.close())
  const policyWith = (evaluator: object) =>
    policyOf({
      evaluators: [
        {
          name: 'risk',
          url: server.url.replace('127.0.0.1', 'localhost'),
          public_key: publicPem(theirs.publicKey),
          ...{ timeout, ca: ca.caPem, ...evaluator },
        },
      ],
      rule_groups: [{ name: 'good', include: [{ external: 'risk' }] }],
      applications: [
        open('plain', ['plain.corp:443']),
        {
          name: 'a',
          destinations: ['w.corp:443', '*.many.corp:443'],
          policies: [
            { name: 'p', decision: 'allow', include: everyone, require: [{ rule_group: 'good' }] },
          ],
        },
      ],
    })
  let policy = policyWith({})
  const told: AccessChange[] = []
  const renewed = deferred<void>()
  const clock = { nowMs: NOW_MS }
  const flows: { readonly facts: Facts }[] = []
  const log = memoryLog()
  const evaluations = openEvaluations({
    ...{ signingKey: ours.privateKey, issuer: ISSUER, log, limits },
    policy: () => policy,
    flowsOf: () => flows,
    tell: (change) => {
      told.push(change)
      renewed.resolve()
    },
    now: () => clock.nowMs,
  })
  t.teardown(() => evaluations.stop())
  const decided = async (host = 'w.corp:443') => {
    const facts = await evaluations.gather(factsOf(host))
    return evaluate(policy, facts, Math.floor(clock.nowMs / 1000))
  }
  const reload = (evaluator: object) => {
    policy = policyWith(evaluator)
  }
  return { reload, evaluations, decided, asked, clock, told, log, flows, renewed: renewed.promise }
}

test('A3: an evaluator is told of the flow, and what it allows passes for as long as it says', async (t) => {
  const { decided, asked } = await start(t, answer())
  const decision = await decided()
  t.is(decision.kind, 'permit')
  t.is(decision.validUntilSeconds, NOW_MS / 1000 + 60)
  t.like(asked[0]?.facts, {
    application: 'a',
    subject: { email: 'alice@example.com' },
    destination: { host: 'w.corp', port: 443 },
  })
})

const bad: Readonly<Record<string, Reply>> = {
  'that denies': answer({ allow: false }),
  'signed by another key': answer({}, p256().privateKey),
  'to another question': answer({ jti: 'another' }),
  'for somebody else': answer({ aud: 'https://other.example.com' }),
  'that has expired': answer({ exp: NOW_MS / 1000 - 1 }),
  'without an end': answer({ exp: undefined }),
  'that says neither yes nor no': answer({ allow: 'yes' }),
  'that is garbage': (_asked, response) => response.end('garbage'),
  'that is not signed': (asked, response) =>
    response.end(
      `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ jti: asked.jti, allow: true }))}.`,
    ),
  'with another status': async (asked, response, sign) => {
    response.statusCode = 500
    response.end(await sign({ jti: asked.jti, allow: true }))
  },
  'that leads elsewhere': (_asked, response) =>
    response.writeHead(307, { location: 'https://localhost:1/' }).end(),
  'that breaks off': (_asked, response) => response.destroy(),
}

for (const [name, reply] of Object.entries(bad)) {
  test(`A3 T95: an answer ${name} admits nobody`, async (t) => {
    const { decided, asked } = await start(t, reply)
    t.is((await decided()).kind, 'denial')
    t.is(asked.length, 1)
  })
}

test('A3 T95: an evaluator that does not answer in time admits nobody', async (t) => {
  const { decided } = await start(t, () => undefined, { timeout: '100ms' })
  t.is((await decided()).kind, 'denial')
})

test('A3: an answer counts for its time, and never longer than five minutes', async (t) => {
  const { decided, asked, clock } = await start(t, answer({ exp: NOW_MS / 1000 + 86_400 }))
  t.is((await decided()).validUntilSeconds, (NOW_MS + ANSWER_LIMIT_MS) / 1000)
  await decided()
  t.is(asked.length, 1)
  clock.nowMs += ANSWER_LIMIT_MS
  await decided()
  t.is(asked.length, 2)
})

test('A3: flows at the same time ask once', async (t) => {
  const { decided, asked } = await start(t, answer())
  const all = await Promise.all([decided(), decided(), decided()])
  t.true(all.every(({ kind }) => kind === 'permit'))
  t.is(asked.length, 1)
})

test('A3: a device has its share of the questions that wait; the others are not asked, and logged', async (t) => {
  const release = deferred<void>()
  const answerLater: Reply = async (question, response, sign) => {
    if (asked.length === 3) release.resolve()
    await release.promise
    await answer()(question, response, sign)
  }
  const { asked, evaluations, log } = await start(t, answerLater, {
    limits: { total: 3, perDevice: 2 },
  })
  const flows = [
    ['a.many.corp:443', 'device-1'],
    ['b.many.corp:443', 'device-1'],
    ['c.many.corp:443', 'device-1'],
    ['d.many.corp:443', 'device-2'],
    ['e.many.corp:443', 'device-2'],
  ] as const
  await Promise.all(flows.map(([to, deviceId]) => evaluations.gather(factsOf(to, { deviceId }))))
  t.deepEqual(asked.map(({ facts }) => facts.destination.host).sort(), [
    ...['a.many.corp', 'b.many.corp', 'd.many.corp'],
  ])
  const refused = log.lines.filter(({ message }) => message === 'evaluator not asked')
  t.deepEqual(
    refused.map(({ deviceId, reason }) => [deviceId, reason]),
    [
      ['device-1', 'too_many_of_device'],
      ['device-2', 'too_many_questions'],
    ],
  )
})

test('A3: where answers are too many the oldest is forgotten, and asked for again', async (t) => {
  const { asked, decided, log } = await start(t, answer(), { limits: { answers: 2 } })
  for (const name of ['a', 'b', 'c', 'b', 'c', 'a']) {
    t.is((await decided(`${name}.many.corp:443`)).kind, 'permit')
  }
  t.deepEqual(
    asked.map(({ facts }) => facts.destination.host),
    ['a.many.corp', 'b.many.corp', 'c.many.corp', 'a.many.corp'],
  )
  t.is(log.lines.filter(({ answers }) => answers === 2).length, 2)
})

test('T86: an answer is kept for exactly what was asked: another fact asks anew', async (t) => {
  const { decided, asked, evaluations } = await start(t, answer())
  await decided()
  const facts = factsOf('w.corp:443')
  await evaluations.gather({ ...facts, sourceAddress: '198.51.100.9' })
  t.is(asked.length, 2)
  await evaluations.gather({ ...facts, subject: { ...facts.subject, groups: ['others'] } })
  t.is(asked.length, 3)
  await evaluations.gather(facts)
  t.is(asked.length, 3)
})

test('A3: nobody is asked about a flow whose application names no evaluator', async (t) => {
  const { decided, asked, evaluations } = await start(t, answer())
  t.false(evaluations.gather(factsOf('plain.corp:443')) instanceof Promise)
  t.is((await decided('plain.corp:443')).kind, 'permit')
  t.is(asked.length, 0)
})

test('A3 T86: no answer from before is left among the facts', async (t) => {
  const { evaluations } = await start(t, answer({ allow: 'garbage' }))
  const before = { risk: { passed: true, validUntilMs: NOW_MS + 60_000 } }
  const about = (to: string) => factsOf(to, { groups: ['others'], evaluations: before })
  t.is((await evaluations.gather(about('w.corp:443'))).evaluations, undefined)
  t.is((await evaluations.gather(about('plain.corp:443'))).evaluations, undefined)
})

for (const changed of ['url', 'public_key']) {
  test(`A3 T86: after a reload with another ${changed} an answer from before counts no more`, async (t) => {
    const { decided, asked, reload } = await start(t, answer())
    t.is((await decided()).kind, 'permit')
    reload(changed === 'url' ? { url: 'https://localhost:1/' } : { public_key: publicPem() })
    t.is((await decided()).kind, 'denial')
    t.is(asked.length, changed === 'url' ? 1 : 2)
    reload({})
    t.is((await decided()).kind, 'permit')
    t.is(asked.length, changed === 'url' ? 1 : 2)
  })
}

/** Counts for a little more than a second on a clock that stands still: asked for again half-way. */
const SHORT = { exp: NOW_MS / 1000 + 1.2 }

test('G10 A3: for a flow that is open the answer is asked for again in time, and told', async (t) => {
  const rig = await start(t, answer(SHORT))
  rig.flows.push({ facts: factsOf('w.corp:443') })
  await rig.decided()
  await rig.renewed
  t.is(rig.asked.length, 2)
  t.deepEqual(rig.told, [{ kind: 'device', deviceId: ALICE_DEVICE }])
})

test('G10 A3: an answer that is not given again in time stands to its end, and is asked for once more', async (t) => {
  const between: boolean[] = []
  const rig = await start(t, async (question, response, sign) => {
    if (rig.asked.length > 1) between.push((await rig.decided()).kind === 'permit')
    response.statusCode = rig.asked.length === 2 ? 500 : 200
    await answer(SHORT)(question, response, sign)
  })
  rig.flows.push({ facts: factsOf('w.corp:443') })
  await rig.decided()
  await rig.renewed
  t.is(rig.asked.length, 3)
  t.deepEqual(between, [true, true])
  t.is(rig.told.length, 1)
})

test('G10 A3: nobody is asked again for flows that are over, nor after the end', async (t) => {
  const [idle, stopped, used] = [
    await start(t, answer(SHORT)),
    await start(t, answer(SHORT)),
    await start(t, answer(SHORT)),
  ]
  for (const { flows } of [stopped, used]) flows.push({ facts: factsOf('w.corp:443') })
  for (const { decided } of [idle, stopped, used]) await decided()
  stopped.evaluations.stop()
  await used.renewed
  t.deepEqual([idle.asked.length, stopped.asked.length, used.asked.length], [1, 1, 2])
})
