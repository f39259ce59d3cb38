/** The names of the DOM that playwright's types mention; nothing here uses what they stand for. */
interface Node {
  readonly nodeType: number
}
interface HTMLElement extends Node {
  readonly title: string
}
interface SVGElement extends Node {
  readonly id: string
}
interface HTMLElementTagNameMap {
  readonly a: HTMLElement
}
