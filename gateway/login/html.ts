/**
 * HTML text in which every value is encoded where it is put (T93). There is no way in for unencoded text but `html` itself.
 */

declare const htmlBrand: unique symbol
/** Text that is HTML already. */
export type Html = { readonly text: string; readonly [htmlBrand]: true }

/** A template whose values are encoded; nested `Html` and lists of it stay as they are. Attributes must be quoted with `"`. */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[])[]
): Html {
  const text = parts.reduce((sofar, part, index) => {
    const value = values[index - 1]
    return sofar + (value === undefined ? '' : textOf(value)) + part
  })
  return { text } as Html
}

function textOf(value: string | Html | readonly Html[]): string {
  if (typeof value === 'string') return encode(value)
  return 'text' in value ? value.text : value.map((one) => one.text).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function encode(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
