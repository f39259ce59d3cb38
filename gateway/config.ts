/**
 * The gateway's configuration, from text to frozen values, or every mistake in it with file, line and path.
 * `gateway` is read at start; `policy` is stored as a revision and may be decoded alone. No file is touched here.
 */

import { mapping, optional, required } from '#lib/config/mapping-shape'
import { formatPath, type Mistake, type Path } from '#lib/config/mistake'
import { checked, type Decoded, type Shape } from '#lib/config/shape'
import { err, ok, type Result } from '#lib/result'
import type { GatewayConfig } from './config/gateway-config.ts'
import { gatewayShape, toGatewayConfig } from './config/gateway-shape.ts'
import { readYaml, type YamlText } from './config/yaml-text.ts'
import { fipsMistakes } from './fips.ts'
import type { PolicyDocument } from './policy/document.ts'
import { inSteps, type Steps } from './policy/in-steps.ts'
import { policyShape } from './policy/parse.ts'
import { policyWarnings } from './policy/warnings.ts'
import { tested } from './policy-test/config-tests.ts'

/** A mistake and where it stands. */
export type ConfigMistake = {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly path: string
  readonly message: string
}

/** A configuration without a mistake. */
export type DecodedConfig = {
  readonly gateway: GatewayConfig
  readonly policy: PolicyDocument
  /** The policy as `decodePolicy` reads it: what is stored as a revision. */
  readonly policyText: string
  /** What is seldom meant as it stands, for people; the configuration is good. */
  readonly warnings: readonly ConfigMistake[]
  /** Line of a part of the text, for mistakes found later. */
  readonly lineOf: (path: Path) => number
}

const policyFields = {
  policy: required(
    tested(policyShape),
    'Who may reach what: stored as a numbered revision, which decides.',
  ),
} as const

/** The shape of a whole configuration file. */
export const configShape = checked(
  mapping(
    {
      gateway: required(gatewayShape, 'Listeners, keys and store: read at start.'),
      ...policyFields,
    },
    'a mapping with the keys gateway and policy',
  ),
  ({ gateway, policy }) => (gateway.fips ? fipsMistakes(policy) : []),
)
const policyTextShape = mapping(policyFields, 'a mapping with the key policy')
const notLookedAt: Shape<unknown> = {
  kind: 'anything',
  decode: (value) => ({ value, mistakes: [] }),
}
const proposalShape = mapping(
  { ...policyFields, gateway: optional(notLookedAt, 'Not looked at.') },
  'a mapping with the key policy',
)

/**
 * Decodes a configuration file.
 * @param fileName stands in mistakes; relative paths in the text are meant from its directory.
 */
export function decodeConfig(
  text: string,
  fileName: string,
): Result<DecodedConfig, readonly ConfigMistake[]> {
  const read = decodeText(text, fileName, configShape.decode)
  if (!read.ok) return read
  const { value, yaml } = read.value
  const policy = policyValue(yaml.value)
  const warnings = policyWarnings(policy, ['policy'])
  const config = {
    gateway: toGatewayConfig(value.gateway, directoryOf(fileName)),
    policy: value.policy,
    policyText: yaml.sliceOf('policy') ?? JSON.stringify({ policy }),
    warnings: warnings.map((one) => placed(one, fileName, yaml.lineOf)),
    lineOf: yaml.lineOf,
  }
  return ok(deepFreeze(config))
}

/** Decodes the text of a policy revision: a mapping with the one key `policy`. */
export function decodePolicy(
  text: string,
  fileName: string,
): Result<PolicyDocument, readonly ConfigMistake[]> {
  const read = decodeText(text, fileName, policyTextShape.decode)
  return read.ok ? ok(deepFreeze(read.value.value.policy)) : read
}

/** Decodes a policy that somebody proposes: the text of a revision, or a whole configuration, of which only the policy counts. */
export function decodeProposal(text: string): Result<PolicyDocument, readonly ConfigMistake[]> {
  const read = decodeText(text, 'proposal', proposalShape.decode)
  return read.ok ? ok(deepFreeze(read.value.value.policy)) : read
}

/** One line per mistake or warning: `zt.yaml:12: policy.applications[0].name: …`. */
export function formatMistakes(mistakes: readonly ConfigMistake[]): string {
  return mistakes
    .map(({ file, line, path, message }) => `${file}:${line}: ${path}: ${message}`)
    .join('\n')
}

function decodeText<T>(
  text: string,
  file: string,
  decode: (value: unknown, path: Path) => Decoded<T>,
): Result<{ readonly value: T; readonly yaml: YamlText }, readonly ConfigMistake[]> {
  const yaml = readYaml(text)
  if (!yaml.ok) return err(yaml.error.map((one) => ({ file, path: formatPath([]), ...one })))
  const { lineOf, duplicates } = yaml.value
  const decoded = decode(yaml.value.value ?? {}, [])
  const twice = duplicates.map(({ path, line }) => ({
    file,
    line,
    path: formatPath(path),
    message: 'this key is written twice in one mapping',
  }))
  const mistakes = [...twice, ...decoded.mistakes.map((one) => placed(one, file, lineOf))].sort(
    (a, b) => a.line - b.line,
  )
  if (decoded.value === undefined || mistakes.length > 0) return err(mistakes)
  return ok({ value: decoded.value, yaml: yaml.value })
}

function placed(
  { path, message }: Mistake,
  file: string,
  lineOf: YamlText['lineOf'],
): ConfigMistake {
  return { file, line: lineOf(path), path: formatPath(path), message }
}

function policyValue(value: unknown): unknown {
  return (value as { readonly policy: unknown }).policy
}

function directoryOf(fileName: string): string {
  const slash = fileName.lastIndexOf('/')
  return slash < 0 ? '.' : fileName.slice(0, slash) || '/'
}

/** Freezes a value and all that is in it. Bytes of addresses stay as they are: a typed array cannot be frozen, and nobody hands one out to write. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** The same in steps: one for each item of a list. */
export function* freezeInSteps<T>(value: T): Steps<T> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (Array.isArray(value)) yield* inSteps(value, deepFreeze)
  else for (const part of Object.values(value)) yield* freezeInSteps(part)
  return Object.freeze(value)
}
