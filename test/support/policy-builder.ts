/** Short ways to a compiled policy and to facts; defaults are alice on her device, asking for nothing special. */

import { generateKeyPairSync } from 'node:crypto'
import { formatPath } from '#lib/config/mistake'
import { parseAddress } from '#lib/net/address'
import { parseEndpoint } from '#lib/net/endpoint'
import type { Transport } from '#lib/net/flow-endpoint'
import { type CompiledPolicy, compilePolicy } from '../../gateway/policy/compile.ts'
import type { Facts } from '../../gateway/policy/facts.ts'
import { parsePolicy } from '../../gateway/policy/parse.ts'

export const ALICE_DEVICE = '11111111-1111-4111-8111-111111111111'

/** An evaluator that nobody asks: its answers are put among the facts. */
export const RISK = {
  name: 'risk',
  url: 'https://risk.example.com/ask',
  public_key: generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).publicKey,
}

/** Compiles a policy as it would stand in YAML. @throws {Error} with all mistakes. */
export function policyOf(
  written: unknown,
  own: { addresses?: readonly string[]; ports?: readonly number[] } = {},
): CompiledPolicy {
  const parsed = parsePolicy(written)
  if (!parsed.ok) {
    const lines = parsed.error.map(({ path, message }) => `${formatPath(path)}: ${message}`)
    throw new Error(lines.join('\n'))
  }
  const addresses = (own.addresses ?? []).flatMap((text) => {
    const address = parseAddress(text)
    return address.ok ? [address.value] : []
  })
  return compilePolicy(parsed.value, { revision: 7, own: { addresses, ports: own.ports ?? [] } })
}

/** Changes to the facts about alice. */
export type FactsChange = Partial<Facts['subject']> & {
  readonly sourceAddress?: string
  readonly transport?: Transport
  readonly address?: string
} & Pick<Facts, 'protocol' | 'country' | 'posture' | 'grants' | 'evaluations'>

/** Facts of a flow to `host:port` by alice. @throws {Error} for a bad endpoint. */
export function factsOf(endpoint: string, change: FactsChange = {}): Facts {
  const {
    sourceAddress = '198.51.100.7',
    transport = 'tcp',
    address,
    protocol,
    country,
    posture,
    grants,
    evaluations,
    ...subject
  } = change
  if (!parseEndpoint(endpoint).ok) throw new Error(`bad endpoint ${endpoint}`)
  const colon = endpoint.lastIndexOf(':')
  return {
    subject: {
      userId: 'u1',
      email: 'alice@example.com',
      groups: ['engineers'],
      deviceId: ALICE_DEVICE,
      ...subject,
    },
    sourceAddress,
    destination: {
      host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: transport === 'icmp' ? 0 : Number(endpoint.slice(colon + 1)),
      transport,
      ...(address !== undefined && { address }),
    },
    ...(protocol !== undefined && { protocol }),
    ...(country !== undefined && { country }),
    ...(posture !== undefined && { posture }),
    ...(grants !== undefined && { grants }),
    ...(evaluations !== undefined && { evaluations }),
  }
}

export const everyone = [{ everyone: true }]

/** An application with one policy that allows everyone. */
export function open(name: string, destinations: readonly string[], more: object = {}) {
  return {
    name,
    destinations,
    policies: [{ name: 'all', decision: 'allow', include: everyone }],
    ...more,
  }
}
