/**
 * Finding one's way in a document.
 */
import type { XmlElement } from './strict-xml.ts'

/** An element and all inside it. */
export function* flat(element: XmlElement): Generator<XmlElement> {
  yield element
  for (const one of element.children) yield* flat(one)
}

/** The only child of this name; undefined when there is none, or more than one. */
export function child(
  parent: XmlElement | undefined,
  namespace: string,
  name: string,
): XmlElement | undefined {
  const [found, ...more] = children(parent, namespace, name)
  return more.length === 0 ? found : undefined
}

/** The children of this name. */
export function children(
  parent: XmlElement | undefined,
  namespace: string,
  name: string,
): readonly XmlElement[] {
  return (parent?.children ?? []).filter((one) => one.namespace === namespace && one.name === name)
}

/** Text of an element that holds nothing else. */
export function textOf(element: XmlElement | undefined): string | undefined {
  return element?.children.length === 0 ? element.text : undefined
}
