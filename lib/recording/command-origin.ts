/** How a command is known, and how well. */

/** Where a command that was typed at a terminal comes from. */
export type TypedSource =
  /** A mark that the instrumented shell printed. */
  | 'osc133'
  /** What stood on the screen when Enter was pressed. */
  | 'screen'
  /** Something was typed that the screen did not show. Its text is never what was typed. */
  | 'hidden'

/**
 * `fact`: from the protocol. `high`: the shell said so. `medium`: stood behind the prompt where it was typed.
 * `low`: stood on the screen, perhaps typed into a program. `forged`: a mark that the shell did not make.
 */
export type Confidence = 'fact' | 'high' | 'medium' | 'low' | 'forged'
