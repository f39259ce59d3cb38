/**
 * The main job, step by step, as a user and an administrator do it: each step runs real commands and checks what they print.
 */
import { run } from './child-process.ts'
import {
  interactive,
  latestRecording,
  replay,
  sealed,
  sshCommand,
  verify,
} from './demo-ssh-steps.ts'
import { curl, deniedBefore, waitForLogin } from './demo-web-steps.ts'
import { enrol } from './log-in.ts'
import type { Organisation } from './organisation.ts'
import { demoPolicy, hostOf, NAMES, PORTS } from './policy-texts.ts'
import { expect, type Step } from './steps.ts'

/** All steps of the demonstration, in order. */
export function demoSteps(organisation: Organisation): readonly Step[] {
  const person = organisation.people[0]
  if (person === undefined) throw new Error('the demo has nobody to enrol')
  return [
    { title: `enrol this device as ${person.email}`, show: () => enrol(organisation, person) },
    { title: 'denied before any policy: the wiki', show: () => deniedBefore(organisation) },
    { title: 'the administrator allows two applications', show: () => allow(organisation) },
    {
      title: 'allowed after: curl through SOCKS5',
      show: () => curl(organisation, '--socks5-hostname', ''),
    },
    {
      title: 'allowed after: curl through HTTP',
      show: () => curl(organisation, '--proxy', 'http://'),
    },
    { title: `zt ssh ${NAMES.database} uname -a`, show: () => sshCommand(organisation) },
    { title: 'an interactive session', show: () => interactive(organisation) },
    {
      title: 'the recording is listed',
      show: async () => (await latestRecording(organisation)).id,
    },
    {
      title: 'decrypted and played with the key of the administrator',
      show: () => replay(organisation),
    },
    { title: 'verify says complete', show: () => verify(organisation) },
    {
      title: 'the marker stands nowhere in clear on the gateway',
      show: () => sealed(organisation),
    },
    {
      title: 'all sessions are ended: the next connection waits for a login, then goes on',
      show: () => waitForLogin(organisation, person),
    },
    {
      title: 'explain: allowed',
      show: () => explain(organisation, NAMES.wiki, PORTS.web, 'permit'),
    },
    {
      title: 'explain: denied',
      show: () => explain(organisation, NAMES.denied, PORTS.denied, 'denial'),
    },
  ]
}

async function allow(organisation: Organisation): Promise<string> {
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
  return 'zt.yaml changed, SIGHUP, next policy revision in force'
}

async function explain(
  organisation: Organisation,
  name: string,
  port: number,
  verdict: string,
): Promise<string> {
  const host = hostOf(organisation.lab, name)
  const done = await run([...organisation.zt, 'explain', host, String(port), '--json'])
  const explanation = JSON.parse(done.stdout) as {
    verdict: string
    reason: string
    sentence: string
  }
  expect(explanation.verdict === verdict, `explain says ${done.stdout}`)
  return `${host}:${port}: ${explanation.verdict}, ${explanation.reason}. ${explanation.sentence}`
}
