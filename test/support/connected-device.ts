/** A device of a gateway in this process, with a real tunnel. */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import type { TunnelClient, TunnelStatus } from '../../daemon/tunnel/tunnel.ts'
import { createTunnelClient } from '../../daemon/tunnel/tunnel-client.ts'
import { issueDeviceCertificate } from '../../gateway/keys/device-certificate.ts'
import type { DeviceSettings } from '../../lib/wire/control-message.ts'
import type { PromptNotice } from '../../lib/wire/prompt-message.ts'
import type { OpenedGateway } from './opened-gateway.ts'
import { spkiDigest } from './spki.ts'
import { dialTcp } from './tunnel.ts'

/** Registers a device of a user of example.com, as enrolment would. */
async function enrol({ data }: OpenedGateway, name: string) {
  const { store, keys } = data
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey)
  const keySha256 = spkiDigest(publicKey)
  const id = randomUUID()
  const atMs = Date.now()
  const user = store.users.upsert({
    provider: 'corp',
    providerSubject: name,
    email: `${name}@example.com`,
    name,
    groups: [],
    claims: {},
    login: { atMs: atMs },
  })
  const times = { enrolledAtMs: atMs, login: { atMs: atMs } }
  store.devices.insert({ id, userId: user.id, name: 'laptop', keySha256, ...times })
  const issued = await issueDeviceCertificate(keys.deviceCa, { publicKey, keySha256 }, id, atMs)
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { id, key, certificate: issued.certificatePem }
}

export type ConnectedDevice = {
  readonly id: string
  /** As the gateway told them last. */
  settings(): DeviceSettings | undefined
  readonly client: TunnelClient
  /** What it was told to ask its user. */
  readonly prompts: readonly PromptNotice[]
  until(isIt: (status: TunnelStatus) => boolean): Promise<void>
}

/** Enrols a device of NAME@example.com, and waits until it is connected. */
export async function connected(
  t: ExecutionContext,
  opened: OpenedGateway,
  name = 'demo',
): Promise<ConnectedDevice> {
  const { id, key, certificate } = await enrol(opened, name)
  const prompts: PromptNotice[] = []
  const { port } = opened.gateway.addresses['tunnel'] ?? { port: 0 }
  let look = () => {}
  let told: DeviceSettings | undefined
  const onSettings = (settings: DeviceSettings): void => {
    told = settings
    look()
  }
  const client = createTunnelClient({
    gateway: { host: 'gw.example.com', port },
    credentials: { key, certificate, gatewayCa: opened.caPem },
    dial: (to, signal) => dialTcp({ ...to, host: '127.0.0.1' }, signal),
    events: {
      ...{ onStatus: () => look(), onSettings, onNotice: () => look() },
      ...{ onWelcome() {}, onPromptEnded() {}, onCheckpoint() {}, onFlowsLost() {} },
      onPrompt(prompt) {
        prompts.push(prompt)
        look()
      },
    },
  })
  t.teardown(() => client.stop(0))
  const until = (isIt: (status: TunnelStatus) => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (isIt(client.status)) resolve()
      }
      look()
    })
  client.start()
  await until(({ userEmail }) => userEmail !== undefined)
  return { id, client, prompts, until, settings: () => told }
}
