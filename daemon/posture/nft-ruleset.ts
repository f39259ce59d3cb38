/** A ruleset as `nft list ruleset` prints it (nft(8)), taken apart into statements. Pure. */

/** A line, or what ends with a semicolon; quoted words keep their quotes. `block`: what stands in its braces. */
export type Statement = {
  readonly words: readonly string[]
  readonly block: readonly Statement[]
}

/** A quoted text, a comment, what ends or nests statements, a word. A quote that is never closed goes to the end. */
const TOKEN = /"[^"]*(?:"|$)|#[^\n]*|[{};\n]|[^\s{};,"#]+/g

/** Never throws; what is no ruleset comes out as some statements all the same. */
export function parseRuleset(text: string): readonly Statement[] {
  let open = newBlock(undefined)
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{') open = newBlock(open)
    else if (token === '}') open = close(open)
    else if (token === '\n' || token === ';') endStatement(open)
    else if (!token.startsWith('#')) open.words.push(token)
  }
  while (open.outer !== undefined) open = close(open)
  endStatement(open)
  return open.statements
}

type Block = {
  readonly outer: Block | undefined
  readonly statements: Statement[]
  /** Of the statement that has not ended. */
  words: string[]
  block: readonly Statement[]
}

function newBlock(outer: Block | undefined): Block {
  return { outer, statements: [], words: [], block: [] }
}

function endStatement(open: Block): void {
  const { words, block } = open
  if (words.length > 0 || block.length > 0) open.statements.push({ words, block })
  open.words = []
  open.block = []
}

/** A brace too many closes nothing. */
function close(inner: Block): Block {
  endStatement(inner)
  const { outer, statements } = inner
  if (outer === undefined) return inner
  outer.block = outer.block.concat(statements)
  return outer
}
