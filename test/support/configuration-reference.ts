/** The reference of the configuration file, made from the tables that decode it. */
import type { Field, Fields, Shape } from '#lib/config/shape'
import { configShape } from '../../gateway/config.ts'
import { SELECTORS, selector } from '../../gateway/policy/selector.ts'

/** Markdown: one section per mapping, in the order of the tables. */
export function configurationReference(): string {
  const { gateway, policy } = configShape.fields ?? {}
  if (gateway === undefined || policy === undefined) throw new Error('no sections')
  const sections = [...sectionsOf('gateway', gateway), ...sectionsOf('policy', policy)]
  return [...sections, selectorSection()].join('\n')
}

function sectionsOf(path: string, { shape, about }: Field<unknown>): string[] {
  if (shape.kind === selector.kind) return []
  if (shape.variants !== undefined) return variantsOf(path, shape.variants)
  if (shape.fields === undefined) {
    return shape.entries === undefined
      ? []
      : sectionsOf(`${path}[]`, { shape: shape.entries, need: 'required', about })
  }
  const own = `## \`${path}\`\n\n${about}\n\n${table(shape.fields)}`
  const below = Object.entries(shape.fields).flatMap(([key, field]) =>
    sectionsOf(`${path}.${key}`, field),
  )
  return [own, ...below]
}

/** One section for each kind that a mapping comes in. */
function variantsOf(path: string, variants: Readonly<Record<string, Shape<unknown>>>): string[] {
  return Object.entries(variants).map(
    ([name, { kind, fields = {} }]) =>
      `## \`${path}\` of kind \`${name}\`\n\n${kind[0]?.toUpperCase()}${kind.slice(1)}.\n\n${table(fields)}`,
  )
}

function table(fields: Fields): string {
  const rows = Object.entries(fields).map(
    ([key, field]) =>
      `| \`${key}\` | ${kindOf(field.shape)} | ${defaultOf(field)} | ${field.about} |`,
  )
  return [
    '| key | what it is | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function defaultOf({ need, fallback }: Field<unknown>): string {
  if (fallback !== undefined) return `\`${fallback.text}\``
  return need === 'required' ? '**required**' : ''
}

function kindOf(shape: Shape<unknown>): string {
  return shape.kind.replaceAll('|', '\\|')
}

function selectorSection(): string {
  const rows = Object.entries(SELECTORS).map(
    ([key, { shape, about }]) => `| \`${key}\` | ${kindOf(shape)} | ${about} |`,
  )
  const head = ['## Selectors', '', 'One key each, for example `{ group: engineers }`.', '']
  return [...head, '| key | value | holds for |', '| --- | --- | --- |', ...rows, ''].join('\n')
}
