/** Ways from inside an SSH session to other targets: flows of their own, decided for the same device and user. */
import { PassThrough } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import type { Decider } from '../../../gateway/enforce/decider.ts'
import type { SshFlow, SshHop, TargetStream } from '../../../gateway/enforce/ssh-service.ts'
import type { FlowRecord } from '../../../gateway/flow/flow-record.ts'
import type { Decision, Permit } from '../../../gateway/policy/decision.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import {
  denial,
  type Enforced,
  permit,
  permitAll,
  startEnforced,
  startTarget,
} from '../../support/decisions.ts'
import { connectDevice } from '../../support/tunnel.ts'

const sshPermit: Permit = {
  ...permit,
  enforcement: {
    kind: 'ssh',
    ssh: {
      unixUsers: ['demo'],
      record: 'required',
      hostKeys: [],
      hostAuthorities: [],
      grants: [DEFAULT_SSH_GRANT],
    },
  },
}

/** A way as a session makes it, with streams of memory; says what became of it. */
class TestHop implements SshHop {
  readonly parent = 'outer-session'
  readonly told: string[] = []
  /** Resolves when the way was refused or reset. */
  readonly over: Promise<void>
  #end = (): void => {}
  readonly authority: string
  readonly onlySsh: boolean
  readonly #answers: boolean
  constructor(authority: string, onlySsh = true, answers = true) {
    this.authority = authority
    this.onlySsh = onlySsh
    this.#answers = answers
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
  }
  accept() {
    this.told.push('accepted')
    return new PassThrough()
  }
  refuse(sentence: string) {
    this.told.push(sentence)
    this.#end()
  }
  async dial() {
    this.told.push('dialled')
    return this.#answers ? targetStream() : undefined
  }
  reset() {
    this.told.push('reset')
    this.#end()
  }
  onGone() {}
}

function targetStream(): TargetStream {
  const stream = new PassThrough()
  return Object.assign(stream, { resetAndDestroy: () => stream.destroy() })
}

type Inside = {
  readonly enforced: Enforced
  readonly taken: boolean
  /** Flows that SSH was asked to serve, the outer one first. */
  readonly served: SshFlow[]
  readonly asked: Facts[]
  /** Has the sessions end. */
  readonly finish: () => void
  /** Records of flows to the target behind. */
  readonly behind: () => FlowRecord[]
}

/** Opens an SSH flow to `wiki` and asks for a way from inside it. */
async function inside(
  t: ExecutionContext,
  hop: SshHop,
  decide: (host: string, facts: Facts) => Decision,
): Promise<Inside> {
  const target = await startTarget(t, () => {})
  const served: SshFlow[] = []
  const asked: Facts[] = []
  const decideOn = (facts: Facts): Decision => {
    asked.push(facts)
    const { host } = facts.destination
    return host === 'wiki' ? sshPermit : decide(host, facts)
  }
  const decider: Decider = { ...permitAll, decide: decideOn, decideAddress: decideOn }
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const outcome = new Promise<{ taken: boolean; enforced: Enforced }>((resolve, reject) => {
    const serveSsh = async (flow: SshFlow) => {
      served.push(flow)
      await flow.reach(() => {})
      if (served.length === 1) resolve({ taken: flow.hop(hop), enforced })
      await finished
      return { closeReason: 'done' }
    }
    let enforced: Enforced
    const open = async () => {
      enforced = await startEnforced(t, { decider, serveSsh })
      const connection = await connectDevice(
        t,
        enforced.tunnel.client(await enforced.tunnel.enrol()),
      )
      await connection.openFlow({ host: 'wiki', port: target.port }, {})
    }
    open().catch(reject)
  })
  const { taken, enforced } = await outcome
  t.teardown(finish)
  const behind = () =>
    [...enforced.records.values()].filter(({ facts }) => facts.destination.host !== 'wiki')
  return { enforced, taken, served, asked, finish, behind }
}

/** Lets what was begun go as far as it can without anybody outside. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

test('S7: a way that policy permits is a flow of its own, and its session knows the one it is in', async (t) => {
  const hop = new TestHop('db2.corp:2222')
  const { taken, served, enforced, finish, behind } = await inside(t, hop, () => sshPermit)
  await settled()
  t.true(taken)
  t.deepEqual(hop.told, ['dialled', 'accepted'])
  const [, inner] = served
  t.like(inner, {
    parent: 'outer-session',
    facts: {
      subject: { email: 'demo@example.com' },
      destination: { host: 'db2.corp', port: 2222 },
    },
  })
  t.is(enforced.table.count, 2)
  finish()
  const ends = [await enforced.closedRecord(), await enforced.closedRecord()]
  t.deepEqual(
    ends.map(({ verdict }) => verdict),
    ['permit', 'permit'],
  )
  t.is(behind().length, 1)
})

test('S7 T42: what policy denies is refused with a sentence, recorded, and never dialled', async (t) => {
  const hop = new TestHop('db2.corp:22')
  const { taken, behind } = await inside(t, hop, () => denial('no_policy_matched'))
  await hop.over
  t.true(taken)
  t.is(hop.told.length, 1)
  t.regex(hop.told[0] ?? '', /\w+ \w+/)
  t.like(behind()[0], { verdict: 'denial', closeReason: 'no_policy_matched' })
})

test('S7 T42: where policy would carry something else, SSH is not passed unseen', async (t) => {
  const hop = new TestHop('db2.corp:22')
  const { behind } = await inside(t, hop, () => permit)
  await hop.over
  t.false(hop.told.includes('dialled'))
  t.like(behind()[0], { closeReason: 'protocol_mismatch' })
})

test('S7 T42: an address is decided on as an address, before anybody connects to it', async (t) => {
  const hop = new TestHop('169.254.169.254:22')
  const { asked, behind } = await inside(t, hop, (_, facts) =>
    facts.destination.address === undefined ? sshPermit : denial('address_forbidden'),
  )
  await hop.over
  t.false(hop.told.includes('dialled'))
  t.is(asked.at(-1)?.destination.address, '169.254.169.254')
  t.like(behind()[0], { closeReason: 'address_forbidden' })
})

test('S7: what is no destination is refused', async (t) => {
  const hop = new TestHop('no host:70000')
  const { behind } = await inside(t, hop, () => sshPermit)
  await hop.over
  t.like(behind()[0], { closeReason: 'bad_destination' })
})

test('S7: a target behind that does not answer is told so', async (t) => {
  const hop = new TestHop('db2.corp:22', true, false)
  const { behind } = await inside(t, hop, () => sshPermit)
  await hop.over
  t.like(behind()[0], { closeReason: 'target_unreachable' })
})

test('S7: of what may carry anything, only what policy knows as SSH becomes a flow', async (t) => {
  const ssh = await inside(t, new TestHop('db2.corp:22', false), () => sshPermit)
  t.true(ssh.taken)
  for (const other of [permit, denial('no_application')]) {
    const hop = new TestHop('db2.corp:5432', false)
    const { taken, behind } = await inside(t, hop, () => other)
    t.false(taken)
    t.deepEqual(behind(), [])
    t.deepEqual(hop.told, [])
  }
})

test('S7: a cut of the flow behind ends it at once, and leaves the outer one', async (t) => {
  const hop = new TestHop('db2.corp:22')
  const { enforced, behind } = await inside(t, hop, () => sshPermit)
  await settled()
  const id = behind()[0]?.id ?? ''
  t.true(enforced.table.cut(id, 'policy_changed'))
  await hop.over
  t.is(hop.told.at(-1), 'reset')
  t.is(enforced.table.count, 1)
})
