/**
 * How the pages of the login origin look, as written.
 */
import { mapping, optional, type ValueOf } from '#lib/config/mapping-shape'
import { type Shape, text } from '#lib/config/shape'
import { filePath, line } from '#lib/config/text-shapes'

export type LoginPageConfig = {
  readonly title?: string
  /** Absolute path. */
  readonly logoFile?: string
  /** `#rrggbb`, lower case. */
  readonly colour?: string
  readonly message?: string
}

/** White text on it must stay readable: WCAG 2.2, success criterion 1.4.3. */
const LEAST_CONTRAST = 4.5

/** A colour that white text can stand on. */
const buttonColour: Shape<string> = text('a colour such as #1c4fd7', (value) => {
  const colour = value.toLowerCase()
  if (!/^#[0-9a-f]{6}$/.test(colour)) {
    return {
      wrong: `"${value.slice(0, 20)}" is not a colour; write six hexadecimal digits, for example "#1c4fd7"`,
    }
  }
  if (contrastWithWhite(colour) >= LEAST_CONTRAST) return { value: colour }
  return {
    wrong: `"${value}" is too light: the white text of a button could not be read; take a darker one`,
  }
})

const fields = {
  title: optional(line, 'Stands above every page. Without it, `organisation` does.'),
  logo_file: optional(filePath, 'Stands above every page: a PNG or SVG file of at most 64 KiB.'),
  colour: optional(buttonColour, 'Colour of buttons, under white text.'),
  message: optional(line, 'Stands below every page, for example whom to ask for help.'),
} as const

export const loginPageShape = mapping(fields, 'the look of the login pages')

export function toLoginPageConfig(
  { title, logo_file, colour, message }: ValueOf<typeof fields>,
  resolve: (path: string) => string,
): LoginPageConfig {
  return {
    ...(title !== undefined && { title }),
    ...(logo_file !== undefined && { logoFile: resolve(logo_file) }),
    ...(colour !== undefined && { colour }),
    ...(message !== undefined && { message }),
  }
}

/** Contrast ratio with white (WCAG 2.2, "contrast ratio" and "relative luminance"). */
function contrastWithWhite(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
}
